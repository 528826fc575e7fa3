package harness

import groovy.json.JsonOutput

/** How long nodes were held, and how often a shell was asked for, from the whole library with the real mlagent. */
class Bench {
    static void main(String... args) {
        File home = File.createTempDir('courier', '')
        try {
            Real real = new Real(home)
            real.jenkins.secrets = [FLOW_TOKEN: 'x' * 20]
            List figures = ['the first build', 'again with nothing new'].collect { what ->
                Build build = real.jenkins.run()
                assert build.result == 'SUCCESS' : build.said
                [build: what, executor_seconds: build.busyMillis / 1000, sh: build.of('sh').size(), nodes: build.labels.size()]
            }
            Build spread = real.jenkins.run("mlPipeline(agents: [light: 'small', cpu: 'large', gpu: 'cuda'])")
            assert spread.result == 'SUCCESS' : spread.said
            figures << [build: 'over three kinds of nodes that share nothing', executor_seconds: spread.busyMillis / 1000,
                        sh: spread.of('sh').size(), nodes: spread.labels.size()]
            println JsonOutput.toJson([stages: Agent.NAMES.size(), builds: figures])
        } finally {
            Folder.remove(home)
        }
    }
}
