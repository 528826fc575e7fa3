package harness

import java.lang.reflect.InvocationTargetException

// Runs every test of the named classes; a test is a method whose name is a sentence.

int failed = 0, passed = 0
List names = args == ['all'] as String[] ? ['HarnessTest', 'FlowTest', 'FailureTest', 'ApprovalTest', 'ControllerTest', 'RealTest'] : args as List
for (String name in names) {
    Class type = Class.forName(name)
    for (method in type.declaredMethods.findAll { it.name.contains(' ') && !it.parameterTypes }.sort { it.name }) {
        File home = File.createTempDir('courier', '')
        try {
            Object test = type.newInstance()
            test.home = home
            method.invoke(test)
            passed++
            println "ok      $name: ${method.name}"
        } catch (InvocationTargetException thrown) {
            failed++
            println "FAILED  $name: ${method.name}"
            println thrown.cause
            thrown.cause.stackTrace.findAll { it.fileName?.endsWith('.groovy') }.take(6).each { println '    at ' + it }
        } finally {
            Folder.remove(home)
        }
    }
}
println "$passed passed, $failed failed"
System.exit(failed || !passed ? 1 : 0)
