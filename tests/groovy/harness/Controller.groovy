package harness

import groovy.json.JsonOutput
import groovy.json.JsonSlurperClassic
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** A double of a controller elsewhere, over HTTP: it is told what builds do, and people answer their inputs there. */
class Controller {
    String url
    String job = 'job'
    /** Why builds start: `[user: 'ann']`, 'timer', 'scm' and the like; and which commit they build. */
    List causes = [[user: 'ada']]
    Closure commit = { '' }
    /** Milliseconds that a minute takes, and that it takes to look again. */
    long minute = 60_000
    long pause = 100

    /** What the controller sets for every build. */
    Map variables(Build build) {
        return [JENKINS_URL: "$url/".toString(), BUILD_URL: "$url/${path(build)}/".toString(), JOB_NAME: job]
    }

    void begins(Build build) { post("/harness/${path(build)}/begin", [causes: causes, commit: commit()]) }

    void ends(Build build) { post("/harness/${path(build)}/end", [result: build.result]) }

    /** As the step: gives a map of the parameters with the approver's id, or throws what the stop of it does. */
    Object input(Build build, Map asked, int minutes) {
        String page = "/harness/${path(build)}/input"
        long end = System.currentTimeMillis() + minutes * minute
        post(page, asked.subMap(['id', 'message', 'ok', 'submitter']) + [parameters: asked.parameters*.name])
        for (Map said = look("$page/$asked.id"); ; said = look("$page/$asked.id")) {
            switch (said.state) {
                case 'approved': return [(asked.submitterParameter): said.by, comment: said.comment ?: '']
                case 'rejected': stop(new Rejection(by: said.by ?: ''))
                case 'aborted': stop(new UserInterruption(userId: said.by ?: ''))
                case 'timed-out': stop(new ExceededTimeout())
            }
            if (System.currentTimeMillis() < end) { sleep(pause) } else { post("$page/$asked.id/over", [state: 'timed-out'], [409]) }
        }
    }

    private static void stop(Cause cause) { throw new FlowInterruptedException('ABORTED', cause) }

    private String path(Build build) { 'job/' + job.split('/').join('/job/') + '/' + build.number }

    private Map look(String page) { new JsonSlurperClassic().parse(new URL(url + page)) }

    private void post(String page, Map what, List taken = []) {
        HttpURLConnection connection = new URL(url + page).openConnection()
        connection.with {
            requestMethod = 'POST'
            doOutput = true
            setRequestProperty('Content-Type', 'application/json')
            outputStream.withCloseable { it << JsonOutput.toJson(what) }
        }
        int status = connection.responseCode
        assert status < 300 || status in taken : "$page: $status ${connection.errorStream?.text}"
        (status < 300 ? connection.inputStream : connection.errorStream)?.close()
    }
}
