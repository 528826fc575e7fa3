package harness

/** Base class of every script of the library: what it does not have itself is a step, a global variable or nothing. */
abstract class Courier extends Script {
    private Jenkins jenkins

    void belongsTo(Jenkins one) { this.@jenkins = one }

    @Override
    Object invokeMethod(String name, Object args) {
        List given = args as List
        if (this.metaClass.respondsTo(this, name, args as Object[])) {
            return this.metaClass.invokeMethod(this, name, args as Object[])
        }
        return jenkins.call(name, given)
    }

    @Override
    Object getProperty(String name) {
        if (name in ['binding', 'metaClass', 'class']) {
            return super.getProperty(name)
        }
        return jenkins.global(name)
    }
}
