import harness.*
import java.nio.file.Files

/** The harness holds what a controller would hold, and does no harm itself. */
class HarnessTest {
    File home

    private void crosses(Object value, String said) {
        try {
            Crossing.copy(value, 'here')
        } catch (AssertionError refused) {
            assert refused.message.contains(said)
            return
        }
        assert false : 'it crossed'
    }

    void "only plain values cross a step"() {
        crosses([a: [1, 'x'].iterator()], 'here.a')
        crosses(["${1}": 'x'], 'GStringImpl')
        crosses([a: [new Thread()]], 'here.a[0]')
        crosses('abc' =~ /b/, 'Matcher')
        assert Crossing.copy([a: [1, 'x', true, null]], 'here') == [a: [1, 'x', true, null]]
    }

    void "what a body takes along is looked at too"() {
        Jenkins jenkins = new Jenkins(home: home)
        try {
            jenkins.run('def found = "abc" =~ /b/\nnode("x") { echo(found.toString()) }')
        } catch (AssertionError refused) {
            assert refused.message.contains('in its body: found')
            return
        }
        assert false : 'it crossed'
    }

    void "a step that no plugin brings is what Jenkins throws"() {
        try {
            new Jenkins(home: home).run('publishHTML([:])')
        } catch (NoSuchMethodError missing) {
            assert missing.message.contains("No such DSL method 'publishHTML'")
            return
        }
        assert false : 'there is such a step'
    }

    void "a folder is removed with its links, and not what they lead to"() {
        File kept = new File(home, 'kept')
        File gone = new File(home, 'gone/inner')
        [kept, gone]*.mkdirs()
        new File(kept, 'file').text = 'x'
        Files.createSymbolicLink(new File(gone, 'link').toPath(), kept.toPath())
        Folder.remove(gone.parentFile)
        assert !gone.parentFile.exists()
        assert new File(kept, 'file').text == 'x'
    }
}
