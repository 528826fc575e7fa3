package harness

import groovy.json.JsonOutput
import groovy.json.JsonSlurperClassic
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** A double of a controller elsewhere, over HTTP: it is told what builds do, and people answer their inputs there. */
class Controller {
    static final Map CAUSES = [rejected: Rejection, aborted: UserInterruption]

    String url
    String job = 'job'
    /** Why builds start, as the controller's own API tells it, and which commit they build. */
    List causes = []
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
        while (System.currentTimeMillis() < end) {
            Map said = look("$page/$asked.id")
            if (said.state == 'approved') { return [(asked.submitterParameter): said.by, comment: said.comment ?: ''] }
            if (said.state != 'waiting') { throw new FlowInterruptedException('ABORTED', cause(said)) }
            sleep(pause)
        }
        post("$page/$asked.id/close", [:])
        throw new FlowInterruptedException('ABORTED', new ExceededTimeout())
    }

    private static Cause cause(Map said) {
        return said.state == 'rejected' ? new Rejection(by: said.by ?: '') : new UserInterruption(userId: said.by ?: '')
    }

    private String path(Build build) { 'job/' + job.split('/').join('/job/') + '/' + build.number }

    /** A controller that restarts is not there for a while, and knows its inputs afterwards. */
    private Map look(String page) {
        for (int left = 300; ; left--) {
            try {
                return new JsonSlurperClassic().parse(new URL(url + page))
            } catch (ConnectException away) {
                if (left == 0) { throw away }
                sleep(pause)
            }
        }
    }

    private void post(String page, Map what) {
        HttpURLConnection connection = new URL(url + page).openConnection()
        connection.with {
            requestMethod = 'POST'
            doOutput = true
            setRequestProperty('Content-Type', 'application/json')
            outputStream.withCloseable { it << JsonOutput.toJson(what) }
        }
        assert connection.responseCode < 300 : "$page: ${connection.responseCode} ${connection.errorStream?.text}"
        connection.inputStream.close()
    }
}
