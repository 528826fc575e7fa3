package hudson

/** What the error step throws. */
class AbortException extends IOException {
    AbortException(String message) { super(message) }
}
