import groovy.json.JsonOutput
import groovy.json.JsonSlurperClassic
import harness.*

/** People answer at a controller elsewhere: Python's double of Jenkins' REST, which is the one that mlagent is tested with. */
class ControllerTest {
    static final String COMMAND = "mlPipeline(agents: [trusted: 'keys'])"
    static final String INPUT = 'job/models/job/risk/1/input/ApproveProduction1'
    File home

    private Agent agent = Agent.asking(people: ['approve@production': 1])
    private Map said

    /** Builds there, and has `people` do something as soon as the input is there. */
    private Build build(Map more = [:], Closure people) {
        Process process = new ProcessBuilder(Real.BIN + '/python', '-m', 'tests.jenkins_alone').directory(Jenkins.ROOT).start()
        try {
            said = new JsonSlurperClassic().parseText(process.inputStream.newReader().readLine())
            Controller controller = new Controller([url: said.url, job: 'models/risk', commit: { 'c0ffee' }, pause: 20, minute: 20] + more)
            Jenkins jenkins = new Jenkins(home: home, controller: controller, shell: { Map what -> agent.call(what) })
            Throwable wrong = null
            Thread answering = Thread.start {
                try {
                    while (look("/harness/$INPUT") == null) { sleep(20) }
                    people()
                } catch (Throwable thrown) {
                    wrong = thrown
                }
            }
            Build ended = jenkins.run(COMMAND)
            answering.join(5000)
            if (wrong) { throw wrong }
            return ended
        } finally {
            process.outputStream.close()
            process.waitFor()
        }
    }

    private Object look(String page, String user = 'root') {
        HttpURLConnection connection = open(page, user)
        return connection.responseCode == 200 ? new JsonSlurperClassic().parseText(connection.inputStream.text) : null
    }

    private int post(String page, String user, String form = '') {
        HttpURLConnection connection = open('/' + page, user)
        connection.with {
            requestMethod = 'POST'
            doOutput = true
            setRequestProperty('Content-Type', 'application/x-www-form-urlencoded')
            outputStream.withCloseable { it << form }
        }
        return connection.responseCode
    }

    private HttpURLConnection open(String page, String user) {
        HttpURLConnection connection = new URL(said.url + page).openConnection()
        connection.setRequestProperty('Authorization', 'Basic ' + "$user:${said.tokens[user]}".bytes.encodeBase64())
        return connection
    }

    void "who answers there is who approved, with the comment, and the build has its page there"() {
        Map seen = [:]
        Map page = [:]
        agent.before = { String command, Map what ->
            seen = what.env
            page = look('/job/models/job/risk/1/api/json') ?: page
        }
        String json = JsonOutput.toJson([parameter: [[name: 'comment', value: 'fine by me']]])
        Build build = build { assert post("$INPUT/proceed", 'ann', 'json=' + URLEncoder.encode(json, 'UTF-8')) == 200 }
        assert build.result == 'SUCCESS' : build.said
        assert agent.answers == [[stage: 'approve@production', outcome: 'approved', by: 'ann', comment: 'fine by me']]
        assert seen.JENKINS_URL == said.url + '/'
        assert seen.BUILD_URL == "${said.url}/job/models/job/risk/1/"
        assert [seen.JOB_NAME, seen.BUILD_NUMBER] == ['models/risk', '1']
        assert page.building
        assert page.actions*.userId.findAll() == ['ann']
    }

    void "who may not answer is refused there, and who rejects is named"() {
        List status = []
        Build rejected = build { ['ada', 'bob', 'ann'].each { status << post("$INPUT/abort", it) } }
        assert status == [400, 200, 404]
        assert rejected.result == 'FAILURE' : rejected.said
        assert agent.answers == [[stage: 'approve@production', outcome: 'rejected', by: 'bob', comment: '']]
        agent = Agent.asking(people: ['approve@production': 1])
        build { status = ['carol', 'ann'].collect { post("$INPUT/proceedEmpty", it) } }
        assert status == [400, 200]
        assert agent.answers*.by == ['ann']
    }

    void "a time that runs out takes the input away there, and a stop there stops the build here"() {
        Build late = build(minute: 0) { }
        assert late.result == 'UNSTABLE' : late.said
        assert agent.answers*.outcome == ['timed-out']
        agent = Agent.asking(people: ['approve@production': 1])
        Build stopped = build { post('job/models/job/risk/1/stop', 'root') }
        assert stopped.result == 'ABORTED' : stopped.said
        assert agent.answers*.outcome == ['aborted']
        assert agent.answers*.by == ['root']
    }
}
