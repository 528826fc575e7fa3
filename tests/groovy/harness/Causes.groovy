package harness

/** Why something was interrupted: the library knows causes by the simple names of their classes. */
abstract class Cause implements Serializable {
    String shortDescription = this.class.simpleName
}

class RemovedNodeCause extends Cause { }
class UserInterruption extends Cause { String userId = 'eve' }
class ExceededTimeout extends Cause { }
class CancelledCause extends Cause { }

/** Its user is not one that a controller could save; nobody where anonymous people may answer. */
class Rejection extends Cause {
    String by = ''

    Object getUser() { by ? new Expando(id: by) : null }

    String getShortDescription() { by ? "Rejected by $by" : 'Rejected' }
}

/** What a step such as checkout ends with when the controller was restarted in the middle of it. */
class NotResumed extends Exception {
    NotResumed(String step) { super("The $step step cannot be resumed after a controller restart") }
}
