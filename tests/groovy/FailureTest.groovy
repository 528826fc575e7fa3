import harness.*
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** How a build ends that something goes wrong in. */
class FailureTest {
    File home

    private Agent agent = new Agent()

    private Jenkins jenkins(Map more = [:]) {
        return new Jenkins([home: home, shell: { Map what -> agent.call(what) }] + more)
    }

    private static final String KINDS = "mlPipeline(agents: [light: 'small', cpu: 'large', gpu: 'cuda'])"

    private static Closure losing(String stage, List left = [stage]) {
        return { String command, Map what ->
            if (command == stage && left) {
                left.clear()
                Folder.remove(what.workspace)
                what.workspace.mkdirs()
                throw new FlowInterruptedException('ABORTED', new RemovedNodeCause())
            }
        }
    }

    void "every exit code of every stage ends the build as the table says, and nothing runs after it"() {
        for (String stage in Agent.NAMES) {
            for (Map row in Agent.CATALOG.exit_codes.findAll { it.code != 0 }) {
                agent = new Agent(ends: [(stage): row.code], off: [])
                Build build = jenkins().run("mlPipeline(agents: [trusted: 'keys'])")
                assert build.result == row.jenkins : "$stage $row"
                assert build.commands.last() == Agent.CATALOG.stages.find { it.name == stage }.command
                assert build.said.contains("$stage: what ${row.category} says. the cure (${row.code})")
            }
        }
    }

    void "an unknown exit code is a failure that says so"() {
        for (int code in [1, -1, 99, 127, 137]) {
            agent = new Agent(ends: [train: code])
            Build build = jenkins().run()
            assert build.result == 'FAILURE'
            assert build.said.contains("train: ended with a status that mlagent does not use; its output is above ($code)")
        }
    }

    void "a plan that cannot be made ends the build with its reason"() {
        agent.ends = ['plan --json': 3]
        Build build = jenkins().run()
        assert build.result == 'FAILURE'
        assert build.said.contains('plan: what configuration says. the cure (3)')
        assert build.of('stage').empty
    }

    void "a kept no is a no again, without a sh"() {
        agent.done = ['check', 'validate-data', 'split', 'train', 'export', 'evaluate', 'gate'] as Set
        agent.known = [gate: [exit_code: 10, message: 'accuracy 0.8 is below 0.95', hint: 'train on']]
        Build build = jenkins().run(KINDS)
        assert build.result == 'FAILURE'
        assert build.said.contains('gate: accuracy 0.8 is below 0.95. train on (10)')
        assert build.commands == ['config secrets --json', 'plan --json']
    }

    void "a run that another build holds takes no gpu to find that out"() {
        agent.done = ['check', 'validate-data', 'split'] as Set
        agent.known = [train: [state: 'waiting', exit_code: 21, message: 'the run is held', hint: 'wait']]
        Build build = jenkins().run(KINDS)
        assert build.result == 'UNSTABLE'
        assert build.labels == ['small']
    }

    void "an agent lost in train, with its workspace, is made good on another one from what was handed on"() {
        for (Set absent in [[] as Set, ['agent'] as Set]) {
            agent = new Agent(before: losing('train'))
            Build build = jenkins(absent: absent).run(KINDS)
            assert build.result == 'SUCCESS'
            assert build.commands.count('train') == 2
            assert build.commands.count('check') == 1
            assert build.of('unstash').findAll { it.node == 'cuda' }.size() == 2
        }
    }

    void "an agent lost on the first node starts that node's stages again, from a new plan"() {
        agent.before = losing('split')
        Build build = jenkins().run()
        assert build.result == 'SUCCESS'
        assert build.commands.count('plan --json') == 2
        assert build.commands.count('load-test') == 1
    }

    void "a node that was restarted under a stage runs it once more, and only once"() {
        for (int lost in [1, 2]) {
            agent = new Agent()
            int left = lost
            Build build = jenkins(shell: { Map what ->
                what.env.MLPIPELINE_COMMAND == 'train' && left-- > 0 ? -1 : agent.call(what)
            }).run()
            assert build.result == (lost == 1 ? 'SUCCESS' : 'FAILURE')
            assert build.commands.count('train') == 2
        }
    }

    void "an agent lost twice ends the build"() {
        agent.before = { String command, Map what ->
            if (command == 'train') { throw new FlowInterruptedException('ABORTED', new RemovedNodeCause()) }
        }
        Build build = jenkins().run()
        assert build.result == 'ABORTED'
        assert build.commands.count('train') == 2
    }

    void "an aborted build is not retried, and runs nothing more"() {
        for (Set absent in [[] as Set, ['agent'] as Set]) {
            agent = new Agent(before: { String command, Map what ->
                if (command == 'train') { throw new FlowInterruptedException('ABORTED', new UserInterruption()) }
            })
            Build build = jenkins(absent: absent).run()
            assert build.result == 'ABORTED'
            assert build.commands.last() == 'train'
            assert build.commands.count('train') == 1
        }
    }

    void "a failing stage is not taken for a lost agent"() {
        agent.ends = [train: 5]
        Build build = jenkins(absent: ['agent'] as Set).run()
        assert build.result == 'FAILURE'
        assert build.commands.count('train') == 1
    }

    void "an older build behind a newer one stops before it takes the next node"() {
        Jenkins jenkins = jenkins()
        agent.before = { String command, Map what -> if (command == 'split') { jenkins.milestones[5] = 2 } }
        Build older = jenkins.run(KINDS, 1)
        assert older.result == 'NOT_BUILT'
        assert older.labels == ['small', 'large']
        assert older.said.contains('Superseded by #2')
        assert jenkins.run(KINDS, 1).labels == ['small']
        assert jenkins.run(KINDS, 3).result == 'SUCCESS'
    }

    void "a newer build that is through stops the older one behind it"() {
        Jenkins jenkins = jenkins()
        agent.before = { String command, Map what -> if (command == 'train' && jenkins.number == 1) { jenkins.run() } }
        Build older = jenkins.run()
        assert older.result == 'NOT_BUILT'
        assert older.said.contains('Superseded by #2')
    }

    void "a newer build that only waits for an older one, or cannot be planned, does not stop it"() {
        for (Map trouble in [[known: [train: [state: 'waiting', exit_code: 21, message: 'held', hint: 'wait']]],
                             [ends: ['plan --json': 3]]]) {
            agent = new Agent()
            Jenkins jenkins = jenkins()
            List newer = []
            agent.before = { String command, Map what ->
                if (command == 'train' && !newer) {
                    Map before = [known: agent.known, ends: agent.ends]
                    trouble.each { key, value -> agent."$key" = value }
                    newer << jenkins.run()
                    before.each { key, value -> agent."$key" = value }
                }
            }
            Build older = jenkins.run()
            assert newer*.result == [trouble.ends ? 'FAILURE' : 'UNSTABLE']
            assert older.result == 'SUCCESS' : older.said
        }
    }

    void "an agent lost under a soak asks it again, and waits no longer for it"() {
        Map soak = Agent.SOAK
        agent = Agent.soaking(known: [(soak.name): [wait_minutes: 1.0]], waits: [(soak.name): [50]])
        agent.before = losing(soak.command)
        Build build = jenkins().run(KINDS)
        assert build.result == 'SUCCESS' : build.said
        assert build.of('sleep')*.args*.get(0)*.time == [50]
        assert build.commands.count(soak.command) == 3
    }

    void "a plan that cannot be made before a rest ends the build"() {
        Map soak = Agent.SOAK
        agent = Agent.soaking(waits: [(soak.name): [50]])
        agent.before = { String command, Map what -> if (command == soak.command) { agent.ends = ['plan --json': 3] } }
        Build build = jenkins().run()
        assert build.result == 'FAILURE'
        assert build.of('sleep').empty
    }

    void "a step that a controller's restart cut off is made good on the next node"() {
        for (Set absent in [[] as Set, ['nonresumable'] as Set]) {
            agent = new Agent()
            int checkouts = 0
            Build build = jenkins(absent: absent, scm: { if (checkouts++ == 0) { throw new NotResumed('checkout') } }).run()
            assert build.result == 'SUCCESS' : build.said
            assert checkouts == 2
        }
    }

    void "every optional plugin may be missing"() {
        Set optional = ['milestone', 'junit', 'unstable', 'agent']
        Build build = jenkins(absent: optional).run()
        assert build.result == 'SUCCESS'
        assert build.said.contains('milestone step is not here')
        agent = new Agent(ends: [gate: 11])
        build = jenkins(absent: optional).run()
        assert build.result == 'UNSTABLE'
        assert build.commands.last() == 'gate'
        assert build.value.result == 'UNSTABLE'
    }

    void "a report that cannot be read does not fail the build"() {
        agent.before = { String command, Map what ->
            new File(what.workspace, 'reports').mkdirs()
            new File(what.workspace, 'reports/x.xml').text = '<wrong></right>'
        }
        Build build = jenkins().run()
        assert build.result == 'SUCCESS'
        assert build.said.contains('Some reports are not shown')
    }

    void "a credential that Jenkins does not have is named, and nothing runs without it"() {
        agent.secrets = ['MLFLOW_TOKEN']
        Build build = jenkins().run()
        assert build.result == 'FAILURE'
        assert build.said.contains("'MLFLOW_TOKEN'")
        assert build.commands == ['config secrets --json']
    }

    void "a secret is in no argument of any step, in no message and in no file"() {
        agent.secrets = ['MLFLOW_TOKEN']
        agent.ends = [gate: 10]
        Build build = jenkins(secrets: [MLFLOW_TOKEN: 'hunter2-hunter2']).run(KINDS)
        assert build.result == 'FAILURE'
        assert !build.calls.toString().contains('hunter2')
        assert !build.said.contains('hunter2')
        home.eachFileRecurse(groovy.io.FileType.FILES) { assert !it.text.contains('hunter2') }
    }

    void "a stage that holds keys is refused where no trusted node is named"() {
        agent.known = [register: [node: 'trusted']]
        Build build = jenkins().run()
        assert build.result == 'FAILURE'
        assert build.said.contains('This stage holds keys')
        agent = new Agent(known: [register: [node: 'trusted']])
        assert jenkins().run("mlPipeline(agents: [trusted: 'vault'])").labels == ['', 'vault', '']
    }
}
