// The whole pipeline in a Jenkinsfile of one line. It carries: which stages run, where and for how long, mlagent says.

import hudson.AbortException
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** See mlPipeline.txt. Gives the run's id, how it ended, and the description of the model. */
Map call(Map options = [:]) {
    Map build = [config: options.config, until: options.until, agents: options.agents ?: [:],
                 credentials: options.credentials ?: [:], position: 0, stages: null, carry: '', run: '', passed: 0,
                 wait: 0, waited: 0, ask: null, answer: null]
    check(options, build.agents)
    String label = labelFor(build, 'light')
    while (label != null) {
        label = onNode(build, label)
        rest(build)
        if (build.ask != null && !people(build, label)) {
            label = null
        }
        if (label != null) {
            inOrder(build, build.position + 2)
        }
    }
    return [run: build.run, result: build.ended ? 'UNSTABLE' : 'SUCCESS', description: currentBuild.description ?: '']
}

/** Sleeps on no node, for as long as the stage that was asked last said that its answer takes. */
void rest(Map build) {
    int seconds = build.wait
    build.wait = 0
    if (seconds > 0) {
        sleep(time: seconds, unit: 'SECONDS')
    }
}

/** Asks people what the stage asked for, on no node; true where the build goes on with their answer. */
boolean people(Map build, String label) {
    String name = build.stages[build.position].stage
    Map ask = build.ask
    build.ask = null
    stage(name) { build.answer = mlApproval(ask) }
    build.answer.to = ask.id
    if (build.answer.outcome == 'approved') {
        return true
    }
    record(build, label, name)
    return false
}

/** Has the stage write down that nobody approved; the build ends here, however that goes. */
void record(Map build, String label, String name) {
    Map answer = build.answer
    if (answer.outcome == 'aborted') {
        currentBuild.result = 'ABORTED' // and stays so, whatever else goes wrong
    }
    try {
        timeout(time: 30, unit: 'MINUTES') { onNode(build, label) }
    } catch (Exception failed) {
        if (build.ended) {
            throw failed
        }
        echo(name + ': that it was ' + answer.outcome + ' was not recorded: ' + failed.message)
    }
    if (!build.ended) {
        mlAgent.stops(build, name, mlApproval.end(answer))
    }
}

/** Refuses a misspelt option, which would otherwise do nothing. */
void check(Map options, Map agents) {
    List unknown = new ArrayList(options.keySet())
    unknown.removeAll(['config', 'until', 'agents', 'credentials'])
    List kinds = new ArrayList(agents.keySet())
    kinds.removeAll(['any', 'light', 'cpu', 'gpu', 'trusted'])
    if (!unknown.isEmpty() || !kinds.isEmpty()) {
        error('mlPipeline(): ' + (unknown + kinds)[0] + ' is no option; there are config, until, credentials, ' +
              'and agents: [any, light, cpu, gpu, trusted]')
    }
}

/**
 * Older builds do not overtake newer ones; where there are no milestones, mlagent's own order of builds is the rule.
 * A build that ends stops all older ones at its last milestone: what has nothing to run, or waits for one, passes none.
 */
void inOrder(Map build, int ordinal) {
    if (ordinal <= build.passed) {
        return
    }
    build.passed = ordinal
    try {
        milestone(ordinal: ordinal)
    } catch (NoSuchMethodError ignored) {
        echo('The milestone step is not here: mlagent itself keeps builds in order')
    } catch (AbortException refused) { // in parallel, or behind those of another mlPipeline() in the same build
        echo('No milestone (' + refused.message + '): mlagent itself keeps builds in order')
    }
}

/** Runs on one node all that can run there, on another one when it is lost; gives the label to go on at, or null. */
String onNode(Map build, String label) {
    Map start = [position: build.position, stages: build.stages, carry: build.carry, wait: 0, waited: build.waited,
                 ask: null, answer: build.answer]
    String next = null
    again(build) {
        build.putAll(start)
        at(label) { next = advance(build, label) }
    }
    return next
}

/** Once more where the agent was lost, or a restart cut a step off: by the retry step, else by what was thrown. */
void again(Map build, Closure body) {
    boolean known = true
    try {
        agent()
        nonresumable()
    } catch (NoSuchMethodError ignored) {
        known = false
    }
    if (known) {
        retry(count: 2, conditions: [agent(), nonresumable()]) { body() }
        return
    }
    try {
        body()
    } catch (Exception thrown) {
        if (!lost(build, thrown)) {
            throw thrown
        }
        echo('The agent was lost (' + thrown.message + '): once more')
        body()
    }
}

/** Whether it is none of our own ends, and nobody stopped the build. */
boolean lost(Map build, Exception thrown) {
    if (!(thrown instanceof FlowInterruptedException)) {
        return !build.ended
    }
    for (int i = 0; i < thrown.causes.size(); i++) {
        if (thrown.causes[i].class.simpleName == 'RemovedNodeCause') {
            return true
        }
    }
    return false
}

/** Takes a node by its label, or a pod by its image where the label is `pod:KIND:IMAGE`. */
void at(String label, Closure body) {
    if (!label.startsWith('pod:')) {
        node(label) { body() }
        return
    }
    String kind = label.substring(4, 7)
    String yaml = libraryResource('mlagent/pod-' + kind + '.yaml').replace('IMAGE', label.substring(8))
    podTemplate(yaml: yaml) {
        node(env.POD_LABEL) {
            container('mlagent') { body() }
        }
    }
}

/** Goes through the plan as far as this node is the right one; gives the label of the next one, or null at the end. */
String advance(Map build, String here) {
    checkout(scm)
    mlAgent.prepare()
    if (build.carry) {
        unstash('mlpipeline')
    }
    if (build.stages == null && plan(build, '')) {
        return null
    }
    boolean asked = false
    while (build.position < build.stages.size()) {
        Map told = build.stages[build.position]
        boolean shown = told.state in ['reuse', 'skip', 'off'] || told.exit_code != 0
        String wanted = shown ? here : labelFor(build, told.node)
        if (wanted == here) {
            if (told.state in ['run', 'resume']) {
                inOrder(build, 1)
            }
            if (mlStage(build, told)) {
                return build.wait > 0 || build.ask != null ? later(build, here) : null
            }
            asked = asked && told.state in ['reuse', 'off']
            build.position = build.position + 1
        } else if (asked) {
            if (build.carry) {
                stash(name: 'mlpipeline', includes: build.carry)
            }
            return wanted
        } else if (plan(build, 'out')) {
            return null
        } else {
            asked = true
        }
    }
    return null
}

/** Hands on what there is so far, and gives the label at which the same stage runs again, after a rest or an answer. */
String later(Map build, String here) {
    if (plan(build, 'out')) {
        build.putAll([wait: 0, ask: null])
        return null
    }
    if (build.carry) {
        stash(name: 'mlpipeline', includes: build.carry)
    }
    return here
}

/** The label for a kind of node: its own, else that for any, else every node will do. */
String labelFor(Map build, String kind) {
    String label = build.agents[kind] ?: build.agents.any ?: ''
    if (kind == 'trusted' && !build.agents.trusted) {
        error('This stage holds keys: name nodes on which no team code runs, mlPipeline(agents: [trusted: LABEL])')
    }
    return label.startsWith('pod:') ? 'pod:' + (kind == 'gpu' ? 'gpu' : 'cpu') + ':' + label.substring(4) : label
}

/** Asks mlagent what is to be done, once more before another node is taken (`out`); true where the build stops. */
boolean plan(Map build, String carry) {
    if (build.missing == null) {
        Map asked = mlAgent(command: 'config secrets --json', config: build.config, quiet: true)
        if (mlAgent.stops(build, 'mlpipeline.yaml', asked)) {
            return true
        }
        build.putAll([missing: asked.out.all, plans: asked.out.plan])
    }
    Map said = mlAgent(command: 'plan --json', config: build.config, until: build.until, quiet: true, carry: carry,
                       credentials: build.credentials, variables: build.plans)
    if (mlAgent.stops(build, 'plan', said)) {
        return true
    }
    build.putAll([stages: said.out.stages, carry: said.out.carry, run: said.out.run])
    return false
}
