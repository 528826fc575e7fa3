package harness

import hudson.AbortException
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.customizers.ImportCustomizer
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** A controller with one job: runs Jenkinsfiles against the library's vars, with doubles for the steps. */
class Jenkins {
    static final List RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED']
    static final File ROOT = new File(System.getProperty('root'))

    File home
    /** Runs a shell script: given its text, environment and folder; its exit status. */
    Closure shell = { Map what -> 0 }
    Closure scm = { File workspace -> }
    Set absent = []
    Map environment = [:]
    Map secrets = [:]
    /** What people say to an input, where no controller elsewhere asks them. */
    Closure answer = { Map asked -> [approver: 'somebody', comment: ''] }
    /** One elsewhere that opens the inputs, and knows who answers them. */
    Controller controller
    String getJob() { controller ? controller.job : 'job' }
    /** How a rest passes, given its seconds. */
    Closure rest = { int seconds -> }
    int number = 0
    final Map milestones = [:]

    Build build
    final List running = []

    /** Runs a Jenkinsfile to its end; from within another one's `shell` too, as two builds at once. */
    Build run(String jenkinsfile = 'mlPipeline()', int buildNumber = ++number) {
        Build outer = build
        build = new Build(number: buildNumber)
        build.steps = new Steps(this, build)
        running << build
        controller?.begins(build)
        Script file = script(jenkinsfile, 'Jenkinsfile')
        try {
            build.value = file.run()
        } catch (FlowInterruptedException stopped) {
            build.worse(stopped.result)
            build.log << stopped.message
        } catch (AbortException failed) {
            build.worse('FAILURE')
            build.log << 'ERROR: ' + failed.message
        } catch (Exception failed) {
            build.worse('FAILURE')
            build.log << failed.toString()
            failed.stackTrace.findAll { it.fileName?.endsWith('.groovy') }.take(6).each { build.log << '    at ' + it }
        }
        Build ended = build
        ended.steps.leave()
        running.remove(ended)
        controller?.ends(ended)
        build = outer
        return ended
    }

    Object call(String name, List args) {
        Script found = variable(name)
        if (found != null) {
            return found.invokeMethod('call', args as Object[])
        }
        if (name in absent || !build.steps.metaClass.respondsTo(build.steps, name)) {
            throw new NoSuchMethodError("No such DSL method '$name' found among steps [...]")
        }
        build.steps.interrupted()
        String where = "build ${build.number}, $name"
        List plain = args.findAll { !(it instanceof Closure) }
        plain.each { Crossing.must(it, where) }
        bodies.addAll(args.findAll { it instanceof Closure })
        save(where)
        build.calls << [step: name, args: Crossing.copy(plain, where), node: build.steps.node?.label, stage: build.steps.stage]
        List given = Crossing.copy(plain, where) + args.findAll { it instanceof Closure }
        Object value
        try {
            value = build.steps.invokeMethod(name, given as Object[])
        } finally {
            bodies.removeAll { one -> args.any { it.is(one) } }
        }
        return args.any { it instanceof Closure } ? value : Crossing.copy(value, "$where, what it gives")
    }

    /** The bodies that are open, each with the variables that it took along: all of it is saved at every step. */
    private final List bodies = []

    private void save(String where) {
        bodies.each { Crossing.captured(it, where) }
        variables.values().each { one -> one.binding.variables.each { key, value -> Crossing.must(value, "variable $key") } }
    }

    /** A restart while people are asked: what was saved is all there is, and the library is read anew. */
    void restart() {
        save('a restart')
        variables.clear()
    }

    Object global(String name) {
        switch (name) {
            case 'env': return environment + (build.steps.node ? [POD_LABEL: 'pod'] : [:])
            case 'currentBuild': return build.current
            case 'scm': return new Described(symbol: 'scm')
        }
        Script found = variable(name)
        if (found == null) {
            throw new MissingPropertyException("No such property: $name for class: groovy.lang.Binding")
        }
        return found
    }

    private final Map variables = [:]

    private Script variable(String name) {
        File file = new File(ROOT, "vars/${name}.groovy")
        if (!variables.containsKey(name) && file.file) {
            variables[name] = script(file.text, name)
        }
        return variables[name]
    }

    private Script script(String text, String name) {
        CompilerConfiguration how = new CompilerConfiguration(scriptBaseClass: Courier.name)
        how.addCompilationCustomizers(new ImportCustomizer().addImports('com.cloudbees.groovy.cps.NonCPS'))
        Script made = new GroovyShell(this.class.classLoader, new Binding(), how).parse(text, name + '.groovy')
        made.belongsTo(this)
        return made
    }
}

/** One build: how it ended, and all that was asked of Jenkins. */
class Build {
    int number
    String result = 'SUCCESS'
    String description
    Object value
    List calls = []
    List log = []
    List reports = []
    Steps steps
    Map stashes = [:]
    long busyMillis = 0
    /** What each stage took, in order: name, node and seconds; a stage that comes again stands there again. */
    List times = []
    Integer superseded

    void worse(String other) {
        result = Jenkins.RESULTS[[Jenkins.RESULTS.indexOf(result), Jenkins.RESULTS.indexOf(other)].max()]
    }

    CurrentBuild getCurrent() { new CurrentBuild(build: this) }

    List of(String step) { calls.findAll { it.step == step } }

    /** The commands that were given to mlagent. */
    List getCommands() { of('sh').collect { it.args[0].label - 'mlagent ' } }

    List getLabels() { of('node').collect { it.args[0] } }

    String getSaid() { log.join('\n') }
}

class CurrentBuild {
    Build build

    String getResult() { build.result == 'SUCCESS' ? null : build.result }

    void setResult(String result) { build.worse(result) }

    String getDescription() { build.description }

    void setDescription(String text) { build.description = text }
}
