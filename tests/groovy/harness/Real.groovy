package harness

import java.nio.file.Files
import java.security.MessageDigest

/** A job whose `sh` really runs: the bootstrap, and behind it the mlagent of the environment that runs the tests. */
class Real {
    static final String BIN = System.getenv('MLAGENT_TEST_BIN')

    final File home
    final File origin
    final Jenkins jenkins
    /** Called with the command's name, its process, its folder and log. */
    Closure during = { String command, Process process, Map what -> }

    Real(File home) {
        this(home, new File(home, 'origin/digits'))
        makeProject()
    }

    /** The job of a repository that is there. */
    Real(File home, File origin) {
        this.home = home
        this.origin = origin
        makeEnvironment()
        jenkins = new Jenkins(home: home, scm: this.&checkout, shell: this.&shell)
    }

    /** The digits template with its rows in git, trained for a moment and put under load for another. */
    private void makeProject() {
        origin.parentFile.mkdirs()
        out([BIN + '/mlagent', 'init', 'digits'], origin.parentFile)
        new File(origin, '.gitignore').text -= 'data/\n'
        File config = new File(origin, 'mlpipeline.yaml')
        config.text = config.text.replace('epochs: 15', 'epochs: 4').replace('accuracy_min: 0.95', 'accuracy_min: 0.5')
            .replace('p99_ms: 50', 'p99_ms: 2000\n  duration_seconds: 2\n  warmup_seconds: 1\n  requests_min: 20\n' +
                '  rate_per_second: 30\n  users: 2\n  late_share_max: 1\n  rate_reached_min: 0\n  cpu_share_max: 1\n  #') +
            '\ntracking:\n  token: env:FLOW_TOKEN\n'
        commit('begin')
    }

    void commit(String why) {
        for (List command in [['init', '--quiet', '-b', 'main'], ['add', '-A'],
                              ['-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '--quiet', '-m', why]]) {
            out(['git'] + command, origin)
        }
    }

    /** What the bootstrap finds made already, under the hash of what the library pins. */
    private void makeEnvironment() {
        byte[] pins = new File(Jenkins.ROOT, 'resources/mlagent/agent.txt').bytes
        String key = MessageDigest.getInstance('SHA-256').digest(pins).encodeHex().toString().take(16)
        File folder = new File(home, ".cache/mlagent/agents/$key")
        new File(folder, 'bin').mkdirs()
        new File(folder, 'bin/mlagent').with {
            text = "#!/bin/sh\nexec '$BIN/mlagent' \"\$@\"\n"
            executable = true
        }
        File python = new File(BIN, 'python')
        Files.deleteIfExists(new File(folder, 'bin/python').toPath())
        Files.createSymbolicLink(new File(folder, 'bin/python').toPath(), python.toPath())
        new File(folder, 'complete').text = "$python.canonicalPath\n"
    }

    /** The commit that a build takes. */
    String head() { out(['git', 'rev-parse', 'main'], origin).trim() }

    /** As the git plugin does: a detached commit, with the remote's branches. */
    void checkout(File workspace) {
        if (!new File(workspace, '.git').exists()) { out(['git', 'clone', '--quiet', origin.path, '.'], workspace) }
        out(['git', 'fetch', '--quiet'], workspace)
        out(['git', 'checkout', '--quiet', '--detach', 'origin/main'], workspace)
    }

    int shell(Map what) {
        File script = new File(what.workspace.path + '@tmp', 'script.sh')
        script.text = what.script
        Process process = start(['sh', '-xe', script.path], what.workspace, what.env)
        Thread reader = Thread.start { read(process, what.log) }
        during(what.env.MLPIPELINE_COMMAND, process, what)
        int code = process.waitFor()
        reader.join()
        return code
    }

    private static void read(Process process, List log) {
        try {
            process.inputStream.eachLine { log << it }
        } catch (IOException ended) {
            log << '(the shell was ended)'
        }
    }

    /** Waits until a line with these words was printed. */
    static void until(List log, String words) {
        for (int i = 0; i < 1800; i++) {
            if (log.toArray().any { it.toString().contains(words) }) { return }
            sleep(50)
        }
        throw new AssertionError((Object) "nobody said $words: ${log.takeRight(20).join('\n')}")
    }

    private Process start(List command, File folder, Map env) {
        ProcessBuilder builder = new ProcessBuilder(command*.toString()).directory(folder).redirectErrorStream(true)
        builder.environment().keySet().removeAll { it.startsWith('MLAGENT_') || it == 'VIRTUAL_ENV' }
        builder.environment().putAll([HOME: home.path, PATH: BIN + ':' + System.getenv('PATH')])
        builder.environment().putAll(env)
        return builder.start()
    }

    private String out(List command, File folder) {
        Process process = start(command, folder, [:])
        String said = process.inputStream.text
        assert process.waitFor() == 0 : said
        return said
    }
}
