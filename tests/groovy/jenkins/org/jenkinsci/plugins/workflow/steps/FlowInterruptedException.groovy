package org.jenkinsci.plugins.workflow.steps

/** What Jenkins throws when a build is stopped, a time runs out, an input is rejected or an agent goes away. */
class FlowInterruptedException extends InterruptedException {
    final String result
    final List causes

    FlowInterruptedException(String result, Object... causes) {
        super(causes*.shortDescription.join('; '))
        this.result = result
        this.causes = causes as List
    }
}
