// Asks people, outside of any node. What it gives is a hint: mlagent reads the answer back from Jenkins itself.

import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** See mlApproval.txt. Asks as `ask` says; gives the outcome, by whom and with which comment: texts, maybe empty. */
Map call(Map ask) {
    if (!ask.id || !ask.message || !ask.minutes) {
        error('mlApproval(): what mlagent asked for is needed, with its id, message and minutes')
    }
    Map asked = [id: ask.id, message: ask.message, ok: ask.ok ?: 'Approve', submitterParameter: 'approver',
                 parameters: [['$class': 'hudson.model.StringParameterDefinition', name: 'comment', defaultValue: '',
                               description: 'May stay empty; who approves against a rule says why']]]
    if (ask.submitter) {
        asked.submitter = ask.submitter
    }
    Object given = null
    echo(ask.message) // where an input has parameters, the log itself says no more than that there is one
    try {
        timeout(time: ask.minutes, unit: 'MINUTES') { given = input(asked) }
    } catch (FlowInterruptedException stopped) {
        return refusal(stopped)
    }
    Map said = given instanceof Map ? given : [approver: given] // proceedEmpty gives nothing, or the name alone
    return [outcome: 'approved', by: (said.approver ?: '').toString(), comment: (said.comment ?: '').toString()]
}

/** A rejection and a time that ran out arrive like any other stop does; their cause tells them apart. */
Map refusal(FlowInterruptedException stopped) {
    Map answer = [outcome: 'aborted', by: '', comment: stopped.message ?: '']
    for (int i = 0; i < stopped.causes.size(); i++) {
        String cause = stopped.causes[i].class.simpleName
        if (cause == 'Rejection') {
            return [outcome: 'rejected', by: stopped.causes[i].user?.id ?: '', comment: '']
        }
        if (cause == 'ExceededTimeout') {
            return [outcome: 'timed-out', by: '', comment: '']
        }
        answer.comment = stopped.causes[i].shortDescription ?: ''
        if (cause == 'UserInterruption') {
            answer.by = stopped.causes[i].userId
        }
    }
    return answer
}

/** How a build ends that was not approved, where nothing else has ended it. */
Map end(Map answer) {
    String by = answer.by ? ' by ' + answer.by : ''
    if (answer.outcome == 'rejected') {
        return [exit_code: 12, message: 'rejected' + by]
    }
    if (answer.outcome == 'timed-out') {
        return [exit_code: 21, message: 'nobody answered in time', hint: 'build again']
    }
    return [exit_code: 130, message: 'aborted' + by]
}
