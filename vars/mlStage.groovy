// One stage of the plan: a single `sh` that runs it, its reports kept, its exit code mapped.

import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/**
 * Runs the stage `told` by the plan on this node, or shows that it is reused; true where the build stops here, or is to
 * rest for `build.wait` seconds and ask again, or to put `build.ask` to people and come back with `build.answer`.
 */
boolean call(Map build, Map told) {
    boolean over = false
    boolean refused = build.answer != null && build.answer.outcome != 'approved'
    stage(told.stage) {
        Map said = told
        if (told.exit_code == 0 && told.state in ['reuse', 'off']) {
            echo(told.title + (told.state == 'off' ? ': nothing to do, ' : ': reused, ') + told.reason)
        } else if (told.exit_code == 0) {
            timeout(time: told.timeout_minutes, unit: 'MINUTES') {
                said = mlAgent(command: told.command, config: build.config, carry: build.carry ? 'in' : '',
                               credentials: build.credentials, variables: wanted(build, told), answer: build.answer)
            }
            publish(said)
        }
        build.answer = null
        over = !refused && asks(build, told, said) || waits(build, told, said)
        over = over || mlAgent.stops(build, told.stage, said) || refused
    }
    build.waited = over ? build.waited : 0
    return over
}

/** Whether people are to be asked, and then the stage once more. */
boolean asks(Map build, Map told, Map said) {
    if (!said.ask) {
        return false
    }
    build.ask = said.ask
    echo(told.stage + ': ' + said.message + '. No node is held meanwhile')
    return true
}

/** Whether the stage has its answer later, within the time that it is waited for, and a minute that asking takes. */
boolean waits(Map build, Map told, Map said) {
    int seconds = said.wait_seconds ?: 0
    if (seconds == 0 || build.waited + seconds > (told.wait_minutes ?: 0) * 60 + 60 || !told.wait_minutes) {
        return false
    }
    build.putAll([wait: seconds, waited: build.waited + seconds])
    echo(told.stage + ': ' + said.message + '. It is asked again in ' + seconds + ' s, and no node is held meanwhile')
    return true
}

/** The variables that this stage takes from credentials: those it reads, and that the node has not. */
List wanted(Map build, Map told) {
    List named = []
    for (int i = 0; i < told.credentials.size(); i++) {
        if (build.missing.contains(told.credentials[i])) {
            named.add(told.credentials[i])
        }
    }
    return named
}

/** Keeps the reports, as well as the plugins here allow: the record itself is in the store already. */
void publish(Map said) {
    if (!said.archive) {
        return
    }
    currentBuild.description = said.description
    try {
        archiveArtifacts(artifacts: said.archive, allowEmptyArchive: true)
        junit(testResults: said.junit, allowEmptyResults: true)
    } catch (FlowInterruptedException stopped) {
        throw stopped
    } catch (NoSuchMethodError missing) {
        echo('Some reports are not shown: ' + missing.message.tokenize('[')[0])
    } catch (Exception failed) {
        echo('Some reports are not shown: ' + failed.message)
    }
}
