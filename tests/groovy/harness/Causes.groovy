package harness

/** Why something was interrupted: the library knows causes by the simple names of their classes. */
abstract class Cause implements Serializable {
    String shortDescription = this.class.simpleName
}

class RemovedNodeCause extends Cause { }
class UserInterruption extends Cause { }
class ExceededTimeout extends Cause { }
class CancelledCause extends Cause { }
class Rejection extends Cause { }

/** What a step such as checkout ends with when the controller was restarted in the middle of it. */
class NotResumed extends Exception {
    NotResumed(String step) { super("The $step step cannot be resumed after a controller restart") }
}
