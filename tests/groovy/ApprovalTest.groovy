import harness.*
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** How people are asked, and what becomes of their answers. */
class ApprovalTest {
    static final String KINDS = "mlPipeline(agents: [light: 'small', cpu: 'large', trusted: 'keys'])"
    static final String PLACE = 'approve@production', COMMAND = 'approve --env production'
    File home

    private Agent agent = Agent.asking(people: [(PLACE): 1])

    private Jenkins jenkins(Map more = [:]) {
        return new Jenkins([home: home, shell: { Map what -> agent.call(what) }] + more)
    }

    private static Closure stopping(Cause cause) { return { Map asked -> throw new FlowInterruptedException('ABORTED', cause) } }

    /** What goes wrong whenever a stage is told that nobody approved. */
    private static Closure failing(Cause cause) {
        return { String command, Map what ->
            if (what.env.MLPIPELINE_ANSWER in ['rejected', 'timed-out', 'aborted']) { throw new FlowInterruptedException('ABORTED', cause) }
        }
    }

    private static final Map NOES = [rejected: ['FAILURE', new Rejection(by: 'eve')], 'timed-out': ['UNSTABLE', new ExceededTimeout()],
                                     aborted: ['ABORTED', new UserInterruption()]]

    void "people are asked in the stage's name on no node, and the same stage runs again with their answer"() {
        Build build = jenkins(answer: { Map asked -> [approver: 'ann', comment: 'fine'] }).run(KINDS)
        assert build.result == 'SUCCESS' : build.said
        assert build.of('input')*.node == [null]
        assert build.of('input')*.stage == [PLACE]
        assert build.commands.findAll { it == COMMAND }.size() == 2
        assert build.commands.last() == 'deploy --env production'
        assert agent.answers == [[stage: PLACE, outcome: 'approved', by: 'ann', comment: 'fine']]
        assert build.of('sh').findAll { it.stage == PLACE }*.node == ['keys', 'keys']
        assert build.said.contains('Release r1 to production?')
    }

    void "the question is what mlagent said, with one comment that may stay empty, for as long as it said"() {
        Build build = jenkins().run(KINDS)
        Map asked = build.of('input')[0].args[0]
        assert asked.subMap(['id', 'message', 'ok', 'submitter', 'submitterParameter']) ==
            [id: 'ApproveProduction1', message: 'Release r1 to production?', ok: 'Approve', submitter: 'ann,bob', submitterParameter: 'approver']
        assert asked.parameters*.name == ['comment']
        assert asked.parameters*.get('$class') == ['hudson.model.StringParameterDefinition']
        assert build.of('timeout').find { it.stage == PLACE && it.node == null }.args == [[time: 1440, unit: 'MINUTES']]
    }

    void "two people are asked one after the other"() {
        agent.people = [(PLACE): 2]
        List names = ['ann', 'bob']
        Build build = jenkins(answer: { Map asked -> [approver: names.remove(0), comment: ''] }).run(KINDS)
        assert build.result == 'SUCCESS' : build.said
        assert build.of('input')*.args*.get(0)*.id == ['ApproveProduction1', 'ApproveProduction2']
        assert agent.answers*.by == ['ann', 'bob']
    }

    void "an answer is told to the stage that asked, once, and to nothing else"() {
        agent.people = [(PLACE): 1, 'approve@staging': 1]
        List told = []
        agent.before = { String command, Map what -> if (what.env.any { it.key in ['MLPIPELINE_ANSWER', 'MLPIPELINE_ANSWERED_BY', 'MLPIPELINE_COMMENT'] }) { told << command } }
        Map hand = [MLPIPELINE_ANSWER: 'approved', MLPIPELINE_ANSWERED_BY: 'mallory', MLPIPELINE_COMMENT: 'x']
        Build build = jenkins(environment: hand, answer: { Map asked -> [approver: asked.id, comment: ''] }).run(KINDS)
        assert build.result == 'SUCCESS' : build.said
        assert told == ['approve --env staging', COMMAND]
        assert agent.answers*.by == ['ApproveStaging1', 'ApproveProduction1']
    }

    void "what is no approval is recorded, by whom and why, and then ends the build as the table says"() {
        NOES.each { outcome, end ->
            agent = Agent.asking(people: [(PLACE): 1])
            Build build = jenkins(answer: stopping(end[1])).run(KINDS)
            assert build.result == end[0] : build.said
            assert agent.answers*.outcome == [outcome]
            assert agent.answers*.by == [outcome == 'timed-out' ? '' : 'eve']
            assert build.commands.last() == COMMAND
            assert build.said.contains("$PLACE: what ")
            assert !build.said.contains('was not recorded')
        }
    }

    void "a record that cannot be made is said, and the build ends as it should all the same"() {
        for (Cause trouble in [new RemovedNodeCause(), new UserInterruption(), new ExceededTimeout()]) {
            NOES.each { outcome, end ->
                agent = Agent.asking(people: [(PLACE): 1], before: failing(trouble))
                Build build = jenkins(answer: stopping(end[1])).run(KINDS)
                assert build.result == end[0] : build.said
                assert build.said.contains("$PLACE: that it was $outcome was not recorded: ${trouble.shortDescription}")
                assert build.commands.last() == COMMAND
            }
        }
    }

    void "a node to record it on is waited for half an hour"() {
        Build build = jenkins(answer: stopping(new Rejection())).run(KINDS)
        assert build.of('timeout').findAll { it.stage == null }*.args*.get(0) == [[time: 30, unit: 'MINUTES']]
    }

    void "a build that was stopped is ABORTED, whatever mlagent makes of it"() {
        for (int code in [0, 12, 20]) {
            agent = Agent.asking(people: [(PLACE): 1])
            agent.before = { String command, Map what ->
                if (what.env.MLPIPELINE_ANSWER) { agent.ends = [(PLACE): code]; agent.people = [:]; what.env.remove('MLPIPELINE_ANSWER') }
            }
            Build build = jenkins(answer: stopping(new UserInterruption())).run(KINDS)
            assert build.result == 'ABORTED' : build.said
            assert build.commands.last() == COMMAND
        }
    }

    void "nothing goes on after a no, and nobody is asked again"() {
        for (boolean again in [true, false]) {
            agent = Agent.asking(people: [(PLACE): 1])
            agent.before = { String command, Map what -> if (what.env.remove('MLPIPELINE_ANSWER') && !again) { agent.people = [:] } }
            Build build = jenkins(answer: stopping(new Rejection(by: 'eve'))).run(KINDS)
            assert build.result == (again ? 'UNSTABLE' : 'FAILURE') : build.said
            assert build.of('input').size() == 1
            assert build.commands.last() == COMMAND
        }
    }

    void "a name alone, or nothing, is what some answers give"() {
        [[null, ''], ['ann', 'ann'], [[approver: null, comment: null], '']].each { given, by ->
            agent = Agent.asking(people: [(PLACE): 1])
            Build build = jenkins(answer: { Map asked -> given }).run(KINDS)
            assert build.result == 'SUCCESS' : build.said
            assert agent.answers == [[stage: PLACE, outcome: 'approved', by: by, comment: '']]
        }
    }

    void "a comment arrives as it was written, and names no variable of the node"() {
        String text = 'it costs $5, $$ and ${HOME}; "$S3_KEY" =\n<b>\'x\'</b>'
        for (String comment in [text, text * 300]) {
            agent = Agent.asking(people: [(PLACE): 1], secrets: ['S3_KEY'])
            Map where = [environment: [HOME: '/root'], secrets: [S3_KEY: 'hunter$2'], answer: { Map asked -> [approver: 'root', comment: comment] }]
            Build build = jenkins(where).run(KINDS)
            assert build.result == 'SUCCESS' : build.said
            assert agent.answers*.comment == [comment.take(4000)]
        }
    }

    void "a controller that restarts while people are asked goes on with their answer"() {
        Jenkins jenkins = jenkins()
        jenkins.answer = { Map asked -> jenkins.restart(); [approver: 'ann', comment: ''] }
        Build build = jenkins.run(KINDS)
        assert build.result == 'SUCCESS' : build.said
        assert agent.answers*.by == ['ann']
        jenkins.answer = { Map asked -> jenkins.restart(); throw new FlowInterruptedException('ABORTED', new Rejection(by: 'bob')) }
        agent = Agent.asking(people: [(PLACE): 1])
        assert jenkins.run(KINDS).result == 'FAILURE'
        assert agent.answers*.by == ['bob']
    }

    void "a node that is lost after the answer is made good on another one, with the answer"() {
        for (List way in [[[] as Set, COMMAND, 1], [['agent'] as Set, COMMAND, 1], [[] as Set, 'deploy --env production', 2]]) {
            agent = Agent.asking(people: [(PLACE): 1])
            boolean lost = false
            agent.before = { String command, Map what ->
                if (command == way[1] && (what.env.MLPIPELINE_ANSWER || command != COMMAND) && !lost) {
                    lost = true
                    throw new FlowInterruptedException('ABORTED', new RemovedNodeCause())
                }
            }
            Build build = jenkins(absent: way[0], answer: { Map asked -> [approver: 'ann', comment: 'go'] }).run(KINDS)
            assert build.result == 'SUCCESS' : build.said
            assert lost
            assert build.of('input').size() == 1
            assert agent.answers == [[stage: PLACE, outcome: 'approved', by: 'ann', comment: 'go']] * way[2]
        }
    }

    void "what was made so far goes with the build over the question, and a plan that fails asks nobody"() {
        Build build = jenkins().run("mlPipeline(agents: [any: 'keys', trusted: 'keys'])")
        assert build.of('stash').size() == 1
        assert build.of('unstash').size() == 1
        agent = Agent.asking(people: [(PLACE): 1])
        agent.before = { String command, Map what -> if (command == COMMAND) { agent.ends = ['plan --json': 3] } }
        Build broken = jenkins().run(KINDS)
        assert broken.result == 'FAILURE'
        assert broken.of('input').empty
    }

    void "a newer build that is approved stops the older one that waits, and that is recorded"() {
        agent.people = ['approve@staging': 1]
        Jenkins jenkins = jenkins()
        List newer = []
        jenkins.answer = { Map asked ->
            if (jenkins.number == 1) { newer << jenkins.run(KINDS) }
            return [approver: 'ann', comment: '']
        }
        Build older = jenkins.run(KINDS)
        assert newer*.result == ['SUCCESS'] : newer*.said
        assert older.result == 'ABORTED' : older.said
        assert agent.answers*.outcome == ['approved', 'aborted']
        assert agent.answers.last().comment == 'Superseded by #2'
    }

    void "a question needs what mlagent says of it"() {
        assert jenkins().run('mlApproval([:])').said.contains('with its id, message and minutes')
        Build alone = jenkins().run("mlApproval(id: 'Go', message: 'Go?', minutes: 5)")
        assert alone.value == [outcome: 'approved', by: 'somebody', comment: '']
        assert !alone.of('input')[0].args[0].containsKey('submitter')
    }
}
