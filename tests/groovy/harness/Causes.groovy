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
