// Asks people, outside of any node. What it gives is a hint: mlagent reads the answer back from Jenkins itself.

import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** See mlApproval.txt. Gives the approver, empty where nobody answered in time: the build is UNSTABLE then. */
String call(Map options) {
    String environment = options.environment ?: error('mlApproval(environment: NAME): which one?')
    Map asked = [id: 'Approve-' + environment, message: options.message ?: 'Deploy to ' + environment + '?',
                 ok: 'Approve', submitterParameter: 'approver']
    if (options.submitter) {
        asked.submitter = options.submitter
    }
    int minutes = options.minutes ?: 24 * 60
    String approver = ''
    Map end = [exit_code: 0]
    try {
        timeout(time: minutes, unit: 'MINUTES') { approver = input(asked) }
    } catch (FlowInterruptedException stopped) {
        end = endOf(stopped, minutes)
        if (end.isEmpty()) {
            throw stopped
        }
    }
    mlAgent.stops([:], 'approve@' + environment, end)
    return approver
}

/** A rejection and a time that ran out arrive like an abort does; their cause tells them apart. */
Map endOf(FlowInterruptedException stopped, int minutes) {
    for (int i = 0; i < stopped.causes.size(); i++) {
        String cause = stopped.causes[i].class.simpleName
        if (cause == 'Rejection') {
            return [exit_code: 12, message: 'rejected: ' + stopped.causes[i].shortDescription]
        }
        if (cause == 'ExceededTimeout') {
            return [exit_code: 21, message: 'nobody answered within ' + minutes + ' minutes', hint: 'build again']
        }
    }
    return [:]
}
