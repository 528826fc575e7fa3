package harness

import groovy.json.JsonOutput
import groovy.json.JsonSlurperClassic

/**
 * One build of a job, for whoever started this process: on stdin comes what to build, as JSON (home, origin, number,
 * jenkinsfile, environment, secrets, controller), on stdout goes a JSON object a line, as things happen, the build last.
 */
class Whole {
    static void main() {
        Map wanted = new JsonSlurperClassic().parse(new InputStreamReader(System.in, 'UTF-8'))
        Real real = new Real(new File(wanted.home), new File(wanted.origin))
        Jenkins jenkins = real.jenkins
        jenkins.environment = wanted.environment
        jenkins.secrets = wanted.secrets
        jenkins.controller = new Controller(wanted.controller + [commit: real.&head])
        jenkins.rest = { int seconds -> Thread.sleep(seconds * 1000L) }
        jenkins.shell = { Map what -> watched(real, what) }
        Build build = jenkins.run(wanted.jenkinsfile, wanted.number)
        say([end: [result: build.result, description: build.description, labels: build.labels, times: build.times,
                   commands: build.commands, calls: build.calls.collect { it.toString() },
                   asked: build.of('input')*.node, said: build.said]])
    }

    private static int watched(Real real, Map what) {
        Build build = real.jenkins.build
        build.log = build.log instanceof Spoken ? build.log : new Spoken(build.log)
        Map here = [command: what.env.MLPIPELINE_COMMAND, node: build.steps.node.label]
        say(here + [now: 'begins'])
        int code = real.shell(what + [log: build.log])
        say(here + [now: 'ends', code: code])
        return code
    }

    static void say(Map event) {
        println(JsonOutput.toJson(event + [at: System.currentTimeMillis()]))
    }
}

/** A log that is heard while it is written. */
class Spoken extends ArrayList {
    Spoken(List before) { before.each { add(it) } }

    @Override
    boolean add(Object line) {
        Whole.say([said: line.toString()])
        return super.add(line)
    }
}
