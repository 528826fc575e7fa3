package harness

import hudson.AbortException
import java.nio.file.FileSystems
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** The steps, as doubles that do just enough: folders for nodes, files for files, a map for what is stashed. */
class Steps {
    final Jenkins jenkins
    final Build build
    Map node
    String stage
    List env = []
    int milestone = 0
    /** Minutes that the open timeouts give, the innermost last. */
    List limits = []

    Steps(Jenkins jenkins, Build build) { this.jenkins = jenkins; this.build = build }

    Object node(String label, Closure body) {
        File workspace = new File(jenkins.home, "workspaces/${label ?: 'any'}/job")
        new File(workspace.path + '@tmp').mkdirs()
        workspace.mkdirs()
        node = [label: label, workspace: workspace]
        long begun = System.currentTimeMillis()
        try {
            return body()
        } finally {
            build.busyMillis += System.currentTimeMillis() - begun
            node = null
        }
    }

    Object stage(String name, Closure body) {
        stage = name
        long begun = System.currentTimeMillis()
        try {
            return body()
        } finally {
            build.times << [stage: name, node: node?.label, seconds: (System.currentTimeMillis() - begun) / 1000]
            stage = null
        }
    }

    Object timeout(Map limit, Closure body) {
        assert limit.unit == 'MINUTES'
        List before = limits
        limits = limits + limit.time
        try { return body() } finally { limits = before }
    }

    Object podTemplate(Map pod, Closure body) { body() }

    Object container(String name, Closure body) { body() }

    Object withEnv(List variables, Closure body) {
        List before = env
        env = env + variables
        try { return body() } finally { env = before }
    }

    Object withCredentials(List bindings, Closure body) {
        withEnv(bindings.collect {
            if (!jenkins.secrets.containsKey(it.credentialsId)) {
                throw new AbortException("Could not find credentials entry with ID '${it.credentialsId}'")
            }
            it.variable + '=' + jenkins.secrets[it.credentialsId].replace('$', '$$')
        }, body)
    }

    Object retry(Map how, Closure body) {
        for (int left = how.count; ; left--) {
            try {
                return body()
            } catch (FlowInterruptedException stopped) {
                if (left == 1 || !stopped.causes.any { it instanceof RemovedNodeCause }) { throw stopped }
                build.log << 'Retrying: ' + stopped.message
            } catch (NotResumed lost) {
                if (left == 1 || !how.conditions*.symbol.contains('nonresumable')) { throw lost }
                build.log << 'Retrying: ' + lost.message
            }
        }
    }

    Described agent() { new Described(symbol: 'agent') }

    Described nonresumable() { new Described(symbol: 'nonresumable') }

    void checkout(Described what) { jenkins.scm(node.workspace) }

    Integer sh(Map how) {
        assert how.returnStatus
        Map variables = [JOB_NAME: jenkins.job, WORKSPACE: node.workspace.path, BUILD_NUMBER: "${build.number}".toString()] +
            (jenkins.controller?.variables(build) ?: [:]) + jenkins.environment
        env.each {
            List parts = it.toString().split('=', 2)
            String value = expanded(parts[1], variables)
            value ? variables.put(parts[0], value) : variables.remove(parts[0])
        }
        return jenkins.shell([script: how.script, env: variables, workspace: node.workspace, log: build.log])
    }

    /** As EnvVars does: `$NAME` is what is known by it, `$$` a dollar; and no value is none, whatever the node has. */
    private static String expanded(String text, Map variables) {
        return text.replaceAll(/\$(\w+|\{[\w.]+\}|\$)/) { List found ->
            found[1] == '$' ? '$' : variables.get(found[1].replaceAll(/[{}]/, '')) ?: found[0]
        }
    }

    String pwd(Map how) { assert how.tmp; node.workspace.path + '@tmp' }

    void writeFile(Map what) { at(what.file).with { parentFile.mkdirs(); text = what.text } }

    String readFile(String name) { at(name).text }

    boolean fileExists(String name) { at(name).exists() }

    String libraryResource(String name) { new File(Jenkins.ROOT, "resources/$name").text }

    void stash(Map what) { build.stashes[what.name] = [what.includes, at(what.includes).bytes] }

    void unstash(String name) {
        if (!build.stashes.containsKey(name)) { throw new AbortException("No such saved stash '$name'") }
        at(build.stashes[name][0]).with { parentFile.mkdirs(); bytes = build.stashes[name][1] }
    }

    void archiveArtifacts(Map what) {
        found(what.artifacts).each { name, file ->
            new File(jenkins.home, "archive/${build.number}/$name").with { parentFile.mkdirs(); bytes = file.bytes }
        }
    }

    void junit(Map what) { found(what.testResults).each { name, file -> build.reports << new XmlSlurper().parse(file) } }

    void milestone(Map what) {
        if (what.ordinal <= milestone) {
            throw new AbortException("Invalid ordinal ${what.ordinal}, as the previous one was $milestone")
        }
        leave()
        milestone = what.ordinal
        int newest = jenkins.milestones.findAll { ordinal, by -> ordinal >= what.ordinal }.values().max() ?: 0
        if (newest > build.number) {
            throw new FlowInterruptedException('NOT_BUILT', new CancelledCause(shortDescription: "Superseded by #$newest"))
        }
        jenkins.milestones[what.ordinal] = build.number
    }

    /** Going on from a milestone, and ending too, stops the older builds that are still at it. */
    void leave() {
        jenkins.running.findAll { it.number < build.number && milestone && it.steps.milestone == milestone }.each {
            it.superseded = build.number
        }
    }

    /** Blue Ocean shows an input in a stage alone, and the step itself gives its id a capital to begin with. */
    Object input(Map asked) {
        assert node == null : 'an input holds a node'
        assert stage || !build.times : 'an input in no stage'
        assert asked.id == asked.id.capitalize()
        Object given = jenkins.controller ? jenkins.controller.input(build, asked, limits.last()) : jenkins.answer(asked)
        interrupted()
        return given
    }

    /** Another build, or a person, stopped this one: whatever step comes next is stopped, and those after it are not. */
    void interrupted() {
        Integer by = build.superseded
        build.superseded = null
        if (by) { throw new FlowInterruptedException('NOT_BUILT', new CancelledCause(shortDescription: "Superseded by #$by")) }
    }

    void sleep(Map how) {
        assert node == null : 'a rest holds a node'
        assert how.unit == 'SECONDS'
        jenkins.rest(how.time)
    }

    void echo(String text) { build.log << text }

    void unstable(String text) { build.log << text; build.worse('UNSTABLE') }

    void error(String text) { throw new AbortException(text) }

    private File at(String name) { name.startsWith('/') ? new File(name) : new File(node.workspace, name) }

    private Map found(String patterns) {
        Map files = [:]
        node.workspace.eachFileRecurse(groovy.io.FileType.FILES) { file ->
            String name = node.workspace.toPath().relativize(file.toPath())
            if (patterns.split(',').any { FileSystems.default.getPathMatcher('glob:' + it).matches(new File(name).toPath()) }) {
                files[name] = file
            }
        }
        return files
    }
}
