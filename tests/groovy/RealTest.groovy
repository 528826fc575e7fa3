import groovy.json.JsonSlurperClassic
import harness.*
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** The whole library with the real mlagent behind it, from a commit to load-test. */
class RealTest {
    static final String SECRET = 'hunter2-hunter2-hunter2'
    File home

    void "one line goes to load-test, and stopped in training it goes on, and with nothing new it takes one light node"() {
        Real real = new Real(home)
        real.jenkins.secrets = [FLOW_TOKEN: SECRET]
        real.during = { String command, Process process, Map what ->
            if (command == 'train') {
                Real.until(what.log, 'epoch 1/4')
                process.destroy()
                process.waitFor()
                throw new FlowInterruptedException('ABORTED', new UserInterruption())
            }
        }
        Build stopped = real.jenkins.run()
        assert stopped.result == 'ABORTED' : stopped.said

        real.during = { String command, Process process, Map what -> }
        Build whole = real.jenkins.run()
        assert whole.result == 'SUCCESS' : whole.said
        assert whole.labels == ['']
        assert whole.said.contains('Check the team\'s code: reused')
        assert whole.said =~ /attempt \d+ was interrupted/
        assert whole.description ==~ /digits v1 · sha256:[0-9a-f]{12} · gate pass · load-test pass · run [0-9a-f]{12}/
        assert whole.reports*.@name*.text().containsAll(['gate.gate', 'load-test.load-test'])
        assert archived(2, 'summary.md').contains('| accuracy | ')

        Build again = real.jenkins.run("mlPipeline(agents: [gpu: 'cuda'])")
        assert again.result == 'SUCCESS' : again.said
        assert again.labels == ['']
        assert again.commands == ['config secrets --json', 'plan --json', 'register', 'release']

        real.jenkins.environment = [MLAGENT_STORE_URL: "$home/workspaces/any/job/.mlagent/store".toString()]
        Build elsewhere = real.jenkins.run("mlPipeline(agents: [light: 'small', cpu: 'large', gpu: 'cuda'])")
        assert elsewhere.result == 'SUCCESS' : elsewhere.said
        assert elsewhere.labels == ['small']
        assert elsewhere.commands == again.commands

        List builds = [stopped, whole, again, elsewhere]
        List said = builds*.said + builds*.calls*.toString()
        assert !said.any { it.contains(SECRET) }
        home.eachFileRecurse(groovy.io.FileType.FILES) { assert !it.getText('ISO-8859-1').contains(SECRET) : it }
    }

    void "a pull request goes over nodes that share nothing, one of them lost, and archives a summary"() {
        Real real = new Real(home)
        real.jenkins.secrets = [flow: SECRET]
        real.jenkins.environment = [BRANCH_NAME: 'PR-3', CHANGE_ID: '3']
        boolean lost = false
        real.during = { String command, Process process, Map what ->
            if (command == 'train' && !lost) {
                lost = true
                Real.until(what.log, 'epoch 1/4')
                process.destroyForcibly()
                process.waitFor()
                Folder.remove(what.workspace)
                throw new FlowInterruptedException('ABORTED', new RemovedNodeCause())
            }
        }
        Build build = real.jenkins.run(
            "mlPipeline(agents: [light: 'small', cpu: 'large', gpu: 'cuda'], credentials: [FLOW_TOKEN: 'flow'])")
        assert build.result == 'SUCCESS' : build.said
        assert build.labels == ['small', 'large', 'cuda', 'cuda', 'large', 'small', 'large']
        assert build.commands.count('check') == 1
        assert build.commands.count('train') == 2
        assert build.said.contains('nothing is registered of a pull request (3)')
        assert archived(1, 'summary.md').contains('### Verdicts')
        assert build.of('sh').size() <= 2 * Agent.NAMES.size()
    }

    void "what mlagent says of a failure is what the build says"() {
        Real real = new Real(home)
        real.jenkins.secrets = [FLOW_TOKEN: SECRET]
        new File(real.origin, 'model.py').text = 'import torch\n\nunused = (\n'
        real.commit('break')
        Build broken = real.jenkins.run()
        assert broken.result == 'FAILURE'
        assert broken.said.contains('ERROR: check: check: lint failed')
        assert broken.said.contains('mend what the output above shows')
        mustSayWhatTheDoubleSays(new File(home, 'workspaces/any/job@tmp/mlpipeline'))
        new File(real.origin, 'mlpipeline.yaml').delete()
        real.commit('lose the configuration')
        Build lost = real.jenkins.run()
        assert lost.result == 'FAILURE'
        assert lost.said.contains('there is no mlpipeline.yaml')
        assert lost.commands == ['config secrets --json']
    }

    void "what mlagent wants people to be asked is what its double wants"() {
        String code = 'import json; from datetime import UTC, datetime; from mlagent.core.ports.approvals import Question; ' +
            'from mlagent.trust.approval.asking import asks; ' +
            'given = {one: one for one in ("id", "release", "evidence", "environment", "message", "asked")}; ' +
            'question = Question(**given, expires="2026-01-02T00:00:00+00:00", input="ApproveProduction1", approvers=("ann", "bob")); ' +
            'print(json.dumps(asks(question, datetime(2026, 1, 1, tzinfo=UTC)).question))'
        Process process = new ProcessBuilder(Real.BIN + '/python', '-c', code).redirectErrorStream(true).start()
        String said = process.inputStream.text
        assert process.waitFor() == 0 : said
        Agent agent = Agent.asking(people: ['approve@production': 1])
        File file = new File(home, 'said.json')
        assert agent.end([env: [MLPIPELINE_SAID: file.path]], 'approve --env production') == 21
        Map wanted = new JsonSlurperClassic().parse(file).ask
        assert new JsonSlurperClassic().parseText(said) == wanted + [message: 'message']
    }

    private void mustSayWhatTheDoubleSays(File folder) {
        Agent agent = new Agent(ends: [check: 5])
        Map plan = agent.plan([env: [:], workspace: home])
        Map found = new JsonSlurperClassic().parse(new File(folder, 'out.json'))
        assert found.keySet() == plan.keySet()
        assert found.stages[0].keySet() == plan.stages[0].keySet()
        assert found.stages*.node == plan.stages*.node
        Map ended = new JsonSlurperClassic().parse(new File(folder, 'said.json'))
        agent.end([env: [MLPIPELINE_SAID: new File(home, 'double.json').path]], 'check')
        assert ended.keySet() == new JsonSlurperClassic().parse(new File(home, 'double.json')).keySet()
    }

    private String archived(int build, String name) {
        List found = []
        new File(home, "archive/$build").eachFileRecurse { if (it.name == name) { found << it } }
        return found[0].text
    }
}
