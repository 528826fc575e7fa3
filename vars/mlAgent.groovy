// Runs one mlagent command on this node, and makes of its end what the table of exit codes says.

/** Puts the bootstrap where the workspace's own files are not: the library's files come by libraryResource alone. */
void prepare() {
    String home = pwd(tmp: true) + '/mlpipeline'
    writeFile(file: home + '/bootstrap.sh', text: libraryResource('mlagent/bootstrap.sh'))
    writeFile(file: home + '/agent.txt', text: libraryResource('mlagent/agent.txt'))
}

/**
 * Runs `mlagent COMMAND` and gives what it said, with its exit code.
 * how: command; config, until, carry where given; credentials (ids by variable) and variables to bind; quiet for JSON;
 * answer, what people said to a question (outcome, by, comment).
 */
Map call(Map how) {
    String home = pwd(tmp: true) + '/mlpipeline'
    List bindings = []
    List variables = how.variables ?: []
    for (int i = 0; i < variables.size(); i++) {
        String id = how.credentials[variables[i]] ?: variables[i]
        bindings.add(['$class': 'StringBinding', credentialsId: id, variable: variables[i]])
    }
    Map answer = how.answer ?: [:]
    int code = 0
    withEnv(['MLPIPELINE_HOME=' + home, 'MLPIPELINE_SAID=' + home + '/said.json', 'MLPIPELINE_COMMAND=' + how.command,
             'MLPIPELINE_CONFIG=' + (how.config ?: ''), 'MLPIPELINE_UNTIL=' + (how.until ?: ''),
             'MLPIPELINE_CARRY=' + (how.carry ?: ''), 'MLPIPELINE_ANSWER=' + (answer.outcome ?: ''),
             'MLPIPELINE_ANSWER_TO=' + (answer.to ?: ''), 'MLPIPELINE_ANSWERED_BY=' + verbatim(answer.by),
             'MLPIPELINE_COMMENT=' + verbatim(answer.comment)]) {
        if (bindings.isEmpty()) {
            code = inShell(how)
        } else {
            withCredentials(bindings) { code = inShell(how) }
        }
    }
    Map said = fileExists(home + '/said.json') ? parse(readFile(home + '/said.json')) : [:]
    said.exit_code = code
    said.out = how.quiet && code == 0 ? parse(readFile(home + '/out.json')) : null
    return said
}

/** A text of somebody else as withEnv takes it: it names no variables, and fits into a process's environment. */
String verbatim(String text) {
    String cut = text && text.length() > 4000 ? text.substring(0, 4000) : text ?: ''
    return cut.replace('$', '$$')
}

/** Runs it, and once more where the node lost the process (it was restarted, say): mlagent goes on where it was. */
int inShell(Map how) {
    int code = shell(how)
    if (code == -1) {
        echo('The node lost mlagent (-1): once more')
        code = shell(how)
    }
    return code
}

/** The only two sh calls there are: what varies is in the environment. */
int shell(Map how) {
    String label = 'mlagent ' + how.command
    if (how.quiet) {
        return sh(label: label, returnStatus: true, script: 'rm -f "$MLPIPELINE_SAID"; ' +
            'sh "$MLPIPELINE_HOME/bootstrap.sh" $MLPIPELINE_COMMAND > "$MLPIPELINE_HOME/out.json"')
    }
    return sh(label: label, returnStatus: true, script:
        'rm -f "$MLPIPELINE_SAID"; exec sh "$MLPIPELINE_HOME/bootstrap.sh" $MLPIPELINE_COMMAND')
}

/** Ends what `what` names as its exit code says: goes on, is UNSTABLE (true: stop here), ABORTED or FAILURE. */
boolean stops(Map build, String what, Map said) {
    int code = said.exit_code
    if (code == 0) {
        return false
    }
    Map row = rowOf(code)
    build.ended = true
    String text = what + ': ' + (said.message ?: row.meaning) + (said.hint ? '. ' + said.hint : '') + ' (' + code + ')'
    if (row.jenkins == 'UNSTABLE') {
        try {
            unstable(text)
        } catch (NoSuchMethodError ignored) {
            echo(text)
            currentBuild.result = 'UNSTABLE'
        }
        return true
    }
    if (row.jenkins == 'ABORTED') {
        currentBuild.result = 'ABORTED'
    }
    error(text)
}

/** The row of the rendered table; a code that it does not know is a FAILURE. */
Map rowOf(int code) {
    List rows = parse(libraryResource('mlagent/stages.json')).exit_codes
    for (int i = 0; i < rows.size(); i++) {
        if (rows[i].code == code) {
            return rows[i]
        }
    }
    return [jenkins: 'FAILURE', meaning: 'ended with a status that mlagent does not use; its output is above']
}

@NonCPS
Object parse(String text) {
    return new groovy.json.JsonSlurperClassic().parseText(text)
}
