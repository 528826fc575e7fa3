package harness

import groovy.json.JsonOutput
import groovy.json.JsonSlurperClassic

/** A double of mlagent behind `sh`: plans what is not done yet, and ends as it is told to. */
class Agent {
    static final Map CATALOG = new JsonSlurperClassic().parse(new File(Jenkins.ROOT, 'resources/mlagent/stages.json'))
    static final List NAMES = CATALOG.stages*.name
    /** What has nothing to do in a project that names no registry, and no namespace. */
    static final List IMAGES = ['package', 'push', 'sign']
    static final List ENVIRONMENTS = NAMES.findAll { it.contains('@') }
    static final List OFF = IMAGES + ENVIRONMENTS
    static final List RAN = NAMES - OFF
    /** Needs a trusted node where images are pushed, and else none of its own. */
    static final String RECORDS = 'release'
    static final Map SOAK = CATALOG.stages.find { it.name == 'soak@staging' } + [node: 'cpu']

    /** One that has a release soak after its own stages, waited for an hour. */
    static Agent soaking(Map more = [:]) {
        return new Agent([stages: CATALOG.stages.findAll { !it.name.contains('@') } + SOAK, off: IMAGES,
                          known: [(SOAK.name): [wait_minutes: 60.0]]] + more)
    }

    static final Map DEPLOY = CATALOG.stages.find { it.name == 'deploy@production' }
    static final List PEOPLE = ['staging', 'production'].collectMany { place ->
        ['approve', 'deploy'].collect { DEPLOY + [name: "$it@$place".toString(), command: "$it --env $place".toString()] }
    }

    /** One whose two environments ask as many people as `people` says. */
    static Agent asking(Map more = [:]) {
        return new Agent([stages: CATALOG.stages.findAll { !it.name.contains('@') } + PEOPLE, off: IMAGES] + more)
    }

    Set done = []
    /** How a stage, or another command, ends; 0 where nothing is said. */
    Map ends = [:]
    List secrets = []
    /** Secrets that one stage alone reads, and no plan. */
    List keys = []
    List off = OFF
    List stages = CATALOG.stages
    /** By stage: after how many seconds it is to be asked again, once for each time that it is asked in vain. */
    Map waits = [:]
    Map known = [:]
    /** By stage: how many people are asked, one after the other. */
    Map people = [:]
    /** By stage: how many have agreed, and whether one is asked. */
    final Map agreed = [:].withDefault { 0 }
    final Map open = [:]
    /** What was told of answers, each with the stage that it was told to. */
    final List answers = []
    boolean shared = false
    /** Called before a command, given its name and environment; may throw as a lost agent does. */
    Closure before = { String command, Map what -> }

    int call(Map what) {
        String command = what.env.MLPIPELINE_COMMAND
        before(command, what)
        if (command == 'config secrets --json') { return out(what, [all: secrets, plan: secrets - keys]) }
        if (command == 'plan --json') { return ends[command] ? end(what, command) : out(what, plan(what)) }
        return end(what, command)
    }

    Map plan(Map what) {
        boolean carries = what.env.MLPIPELINE_CARRY == 'out' && !shared
        if (carries) { new File(what.workspace, 'carry.tar').text = done.join(' ') }
        List told = stages.collect {
            [stage: it.name, command: it.command, title: it.title, state: it.name in off ? 'off' : it.name in done ? 'reuse' : 'run', reason: 'because', key: null,
             node: it.name == RECORDS && 'push' in off ? 'light' : it.node, timeout_minutes: it.minutes, credentials: secrets, wait_minutes: 0.0, exit_code: 0, message: '', hint: ''] +
                (known[it.name] ?: [:])
        }
        return [schema: 1, run: 'r1', build: 1, branch: 'main', pull_request: null, past_load_test: true,
                carry: carries ? 'carry.tar' : '', stages: told]
    }

    int end(Map what, String command) {
        String name = stages.find { it.command == command }?.name ?: command
        List waiting = waits[name] ?: []
        Map approval = approval(name, what.env)
        int code = waiting ? 21 : ends[name] ?: approval.code ?: 0
        if (code == 0) { done << name }
        Map row = CATALOG.exit_codes.find { it.code == code }
        if (row) {
            new File(what.env.MLPIPELINE_SAID).text = JsonOutput.toJson(
                [exit_code: code, message: code ? 'what ' + row.category + ' says' : '', hint: code ? 'the cure' : '',
                 run: 'r1', build: 1, description: 'digits v1', archive: "reports/${name}.json", junit: 'reports/*.xml'] +
                    (waiting ? [wait_seconds: waiting.remove(0)] : [:]) + (approval.ask ? [ask: approval.ask] : [:]))
        }
        return code
    }

    /** As approve does: an answer belongs to the question that is open; who has agreed is not asked again. */
    private Map approval(String name, Map env) {
        if (env.MLPIPELINE_ANSWER) {
            answers << [stage: name, outcome: env.MLPIPELINE_ANSWER, by: env.MLPIPELINE_ANSWERED_BY ?: '', comment: env.MLPIPELINE_COMMENT ?: '']
            if (env.MLPIPELINE_ANSWER != 'approved') { return [code: [rejected: 12, 'timed-out': 21, aborted: 130][env.MLPIPELINE_ANSWER]] }
            if (open.remove(name)) { agreed[name]++ }
        }
        if (agreed[name] >= (people[name] ?: 0)) { return [:] }
        open[name] = true
        String place = name.split('@')[1]
        return [code: 21, ask: [id: "Approve${place.capitalize()}${agreed[name] + 1}", message: "Release r1 to $place?", ok: 'Approve',
                                submitter: 'ann,bob', minutes: 1440]]
    }

    private static int out(Map what, Object said) {
        new File(what.env.MLPIPELINE_HOME, 'out.json').text = JsonOutput.toJson(said)
        return 0
    }
}
