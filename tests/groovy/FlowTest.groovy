import harness.*
import groovy.json.JsonSlurperClassic
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** How a build goes that nothing goes wrong in. */
class FlowTest {
    File home

    private Agent agent = new Agent()

    private Jenkins jenkins(Map more = [:]) {
        return new Jenkins([home: home, shell: { Map what -> agent.call(what) }] + more)
    }

    private static final String KINDS = "mlPipeline(agents: [light: 'small', cpu: 'large', gpu: 'cuda'])"

    void "every stage of the catalog runs by one sh, in order, in a stage of its name, within its time"() {
        Build build = jenkins().run()
        assert build.result == 'SUCCESS'
        assert build.of('stage')*.args*.get(0) == Agent.NAMES
        assert build.commands == ['config secrets --json', 'plan --json'] + Agent.RAN
        assert build.of('timeout')*.args*.get(0)*.time == Agent.CATALOG.stages.findAll { it.name in Agent.RAN }*.minutes
        assert build.of('sh').drop(2)*.stage == Agent.RAN
    }

    void "without labels one node does it all"() {
        assert jenkins().run().labels == ['']
    }

    void "stages with equal needs share a node, and the gpu is held while there is training alone"() {
        Build build = jenkins().run(KINDS)
        assert build.labels == ['small', 'large', 'cuda', 'large', 'small', 'large', 'small']
        assert build.of('sh').findAll { it.node == 'cuda' }*.stage.findAll() == ['train']
        assert build.of('sh').size() <= 2 * Agent.NAMES.size()
    }

    void "a label for any node stands for those that are not named"() {
        assert jenkins().run("mlPipeline(agents: [any: 'linux', gpu: 'cuda'])").labels == ['linux', 'cuda', 'linux']
    }

    void "a rebuild with nothing new takes one light node only"() {
        agent.done = Agent.NAMES as Set
        agent.done.remove('register')
        Build build = jenkins().run(KINDS)
        assert build.labels == ['small']
        assert build.commands == ['config secrets --json', 'plan --json', 'register']
        assert build.of('stage')*.args*.get(0) == Agent.NAMES
    }

    void "a stage that is skipped is shown where the build is, and recorded by its one sh"() {
        agent.known = ['load-test': [state: 'skip', reason: 'no port is free here']]
        Build build = jenkins().run("mlPipeline(agents: [light: 'small', any: 'large'])")
        assert build.result == 'SUCCESS'
        assert build.labels == ['small', 'large', 'small']
        assert build.of('sh').find { it.stage == 'load-test' }.node == 'small'
    }

    void "a stage with nothing to do is shown where the build is, by no sh and on no node of its own"() {
        agent.known = [push: [reason: 'registry.repository not set']]
        Build build = jenkins().run(KINDS)
        assert build.of('stage')*.args*.get(0) == Agent.NAMES
        assert build.said.contains('nothing to do, registry.repository not set')
        assert build.commands.intersect(Agent.IMAGES).empty
    }

    void "an image is pushed and signed on a node on which no team code runs, and on no other"() {
        agent.off = Agent.ENVIRONMENTS
        Build build = jenkins().run("mlPipeline(agents: [any: 'linux', trusted: 'keys'])")
        assert build.result == 'SUCCESS' : build.said
        assert build.of('sh').findAll { it.node == 'keys' }*.stage.findAll() == ['push', 'sign', 'release']
        agent.done = []
        Build refused = jenkins().run("mlPipeline(agents: [any: 'linux'])")
        assert refused.result == 'FAILURE'
        assert refused.said.contains('This stage holds keys')
        assert !refused.commands.contains('push')
    }

    void "what turns out to be known after all takes no gpu"() {
        agent.before = { String command, Map what -> if (command == 'split') { agent.done << 'train' } }
        assert !('cuda' in jenkins().run(KINDS).labels)
    }

    void "nodes without a shared store hand the run on, once each way"() {
        Build build = jenkins().run(KINDS)
        assert build.of('stash').size() == 6
        assert build.of('unstash')*.node == ['large', 'cuda', 'large', 'small', 'large', 'small']
        agent = new Agent(shared: true)
        assert jenkins().run(KINDS).of('stash').empty
    }

    void "secrets come from credentials of the same name, or of the name given, for the stages that read them"() {
        agent.secrets = ['MLFLOW_TOKEN', 'S3_KEY']
        agent.known = [train: [credentials: ['MLFLOW_TOKEN']], check: [credentials: ['IN_THE_NODE']]]
        Map seen = [:]
        agent.before = { String command, Map what -> seen[command] = what.env.subMap(['MLFLOW_TOKEN', 'S3_KEY']) }
        Build build = jenkins(secrets: [flow: 'hunter2', S3_KEY: 'hunter3']).run("mlPipeline(credentials: [MLFLOW_TOKEN: 'flow'])")
        assert build.result == 'SUCCESS'
        assert seen['config secrets --json'] == [:]
        assert seen['plan --json'] == [MLFLOW_TOKEN: 'hunter2', S3_KEY: 'hunter3']
        assert seen.train == [MLFLOW_TOKEN: 'hunter2']
        assert seen.check == [:]
    }

    void "the key of the registry reaches the stage that reads it, and no plan"() {
        agent.secrets = ['REGISTRY_PASSWORD']
        agent.keys = agent.secrets
        agent.off = Agent.ENVIRONMENTS
        agent.known = Agent.NAMES.collectEntries { [it, [credentials: it == 'push' ? agent.keys : []]] }
        List seen = []
        agent.before = { String command, Map what -> if (what.env.REGISTRY_PASSWORD) { seen << command } }
        Build build = jenkins(secrets: [REGISTRY_PASSWORD: 'hunter4']).run("mlPipeline(agents: [trusted: 'keys'])")
        assert build.result == 'SUCCESS' : build.said
        assert seen == ['push']
    }

    void "another file of configuration and a last stage are passed on"() {
        Map seen = [:]
        agent.before = { String command, Map what -> seen[command] = [what.env.MLPIPELINE_CONFIG, what.env.MLPIPELINE_UNTIL] }
        jenkins().run("mlPipeline(config: 'models/risk.yaml', until: 'gate')")
        assert seen['plan --json'] == ['models/risk.yaml', 'gate']
        assert seen.train == ['models/risk.yaml', null]
    }

    void "a Jenkinsfile may say it twice, and each goes to its end"() {
        Build build = jenkins().run("mlPipeline(config: 'a.yaml')\nmlPipeline(config: 'b.yaml')")
        assert build.result == 'SUCCESS' : build.said
        assert build.commands.count('plan --json') == 2
    }

    void "milestones rise, one before the first stage that runs and one before each further node"() {
        Build build = jenkins().run(KINDS)
        assert build.of('milestone')*.args*.get(0)*.ordinal == [2, 5, 6, 8, 11, 14]
        assert !build.said.contains('milestone')
        agent = new Agent()
        assert jenkins().run().of('milestone')*.args*.get(0)*.ordinal == [1]
        agent.done = Agent.NAMES as Set
        assert jenkins().run(KINDS).of('milestone').empty
    }

    void "an option that is misspelt is refused by name"() {
        Build build = jenkins().run("mlPipeline(agent: [gpu: 'x'])")
        assert build.result == 'FAILURE'
        assert build.said.contains('agent is no option')
        assert build.labels.empty
        assert jenkins().run("mlPipeline(agents: [gpus: 'x'])").said.contains('gpus is no option')
    }

    void "a pod is asked for where the label is an image, without privilege or the node's socket"() {
        Build build = jenkins().run("mlPipeline(agents: [any: 'pod:registry/agent@sha256:1', gpu: 'pod:registry/gpu@sha256:2'])")
        List pods = build.of('podTemplate')*.args*.get(0)*.yaml
        assert pods.collect { it.contains('nvidia.com/gpu') } == [false, true, false]
        assert pods[1].contains('image: registry/gpu@sha256:2')
        assert pods.every { it.contains('allowPrivilegeEscalation: false') && !it.contains('hostPath') }
        assert build.result == 'SUCCESS'
    }

    void "the build says what was made, keeps the reports and gives the run"() {
        Jenkins jenkins = jenkins()
        agent.before = { String command, Map what ->
            new File(what.workspace, 'reports').mkdirs()
            new File(what.workspace, "reports/${command}.json").text = '{}'
        }
        Build build = jenkins.run()
        assert build.description == 'digits v1'
        assert build.value == [run: 'r1', result: 'SUCCESS', description: 'digits v1']
        assert new File(home, "archive/1").listFiles()[0].list().toList().toSet().containsAll(Agent.RAN*.concat('.json'))
    }

    void "a soak that is not over is waited for on no node, and asked again"() {
        agent = Agent.soaking(waits: ['soak@staging': [1800, 1500]])
        Build build = jenkins().run()
        assert build.result == 'SUCCESS' : build.said
        assert build.of('sleep')*.args*.get(0) == [[time: 1800, unit: 'SECONDS'], [time: 1500, unit: 'SECONDS']]
        assert build.of('sleep')*.node == [null, null]
        assert build.commands.findAll { it.startsWith('soak') } == ['soak --env staging'] * 3
        assert build.labels == ['', '', '']
        assert build.commands.count('train') == 1
        assert build.said.contains('soak@staging: what held says. It is asked again in 1800 s')
    }

    void "what was read so far goes with the build over a rest, and back"() {
        agent = Agent.soaking(waits: ['soak@staging': [60]])
        Build build = jenkins().run()
        assert build.of('stash').size() == 1
        assert build.of('unstash').size() == 1
        agent = Agent.soaking(waits: ['soak@staging': [60]], shared: true)
        assert jenkins().run().of('stash').empty
    }

    void "a soak is waited for as long as its environment says, and a minute for asking"() {
        agent = Agent.soaking(waits: ['soak@staging': [3600, 50, 20]])
        Build build = jenkins().run()
        assert build.result == 'UNSTABLE'
        assert build.of('sleep')*.args*.get(0)*.time == [3600, 50]
        assert build.said.contains('soak@staging: what held says. the cure (21)')
        agent = Agent.soaking(waits: ['soak@staging': [10]], known: ['soak@staging': [wait_minutes: 0.0]])
        Build asked = jenkins().run()
        assert asked.result == 'UNSTABLE'
        assert asked.of('sleep').empty
    }

    void "each soak has a wait of its own"() {
        Map other = Agent.SOAK + [name: 'soak@production', command: 'soak --env production']
        agent = Agent.soaking(waits: ['soak@staging': [3000], 'soak@production': [3000]])
        agent.stages = agent.stages + other
        agent.known['soak@production'] = [wait_minutes: 60.0]
        Build build = jenkins().run()
        assert build.result == 'SUCCESS' : build.said
        assert build.of('sleep').size() == 2
    }

    void "the exit codes, the needs and the times are those that mlagent declares"() {
        assert Agent.CATALOG.exit_codes*.code.containsAll([0, 2, 3, 4, 5, 10, 11, 12, 20, 21, 30, 70, 130, 143])
        assert Agent.CATALOG.stages*.node.every { it in ['light', 'cpu', 'gpu', 'trusted'] }
    }
}
