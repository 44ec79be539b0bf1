package reactor.ffi.samples.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The contenders on other runtimes. Their scripts are copied into the build folder, and what they need is installed there by
 * npm. One that cannot run here is named, and left out.
 */
final class Peers {

    private final Path folder;
    private final Map<Contender, List<String>> commands = new EnumMap<>(Contender.class);

    private Peers(Path folder) {
        this.folder = folder;
    }

    /** Nobody. */
    static Peers none() {
        return new Peers(Path.of("."));
    }

    /**
     * Installs and compiles them.
     *
     * @param scripts the folder src/main/peers
     * @param folder where they are installed
     */
    static Peers install(Path scripts, Path folder, PrintStream out) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        try (Stream<Path> files = Files.list(scripts)) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        Peers peers = new Peers(folder);
        out.println("installing the peers in " + folder);
        Path modules = folder.resolve("node_modules").toAbsolutePath();
        boolean npm = peers.works("npm", "install", "--no-audit", "--no-fund", "--loglevel=error");
        boolean node = peers.works("node", "--version");
        if (node
                && peers.works(
                        "sh",
                        "-c",
                        "cc -O2 -shared -fPIC -pthread -I\"${NODE_HEADERS:-$(node -p"
                                + " 'require(\"path\").resolve(process.execPath, \"../../include/node\")')}\""
                                + " -o node_api.node node_api.c")) {
            peers.commands.put(Contender.NODE_API, List.of("node", "node_api.cjs"));
        } else {
            out.println("node-api is left out: it needs node, its headers (NODE_HEADERS says where) and cc");
        }
        if (node && npm && peers.works("node", "-e", "require('koffi')")) {
            peers.commands.put(Contender.KOFFI, List.of("node", "koffi.cjs"));
        } else {
            out.println("koffi is left out: it needs node and npm");
        }
        String bun = modules.resolve(".bin/bun").toString();
        if (npm && peers.works(bun, "--version")) {
            peers.commands.put(Contender.BUN, List.of(bun, "run", "bun.ts"));
        } else {
            out.println("bun is left out: npm could not install it");
        }
        String deno = modules.resolve(".bin/deno").toString();
        if (npm && peers.works(deno, "--version")) {
            peers.commands.put(Contender.DENO, List.of(deno, "run", "--quiet", "-A", "deno.mts"));
        } else {
            out.println("deno is left out: npm could not install it");
        }
        return peers;
    }

    boolean has(Contender contender) {
        return commands.containsKey(contender);
    }

    ContenderProcess start(Contender contender) throws IOException {
        return ContenderProcess.command(
                contender,
                commands.get(contender),
                folder,
                Map.of("BENCHMARKS_SOURCE", NativeSource.path().toString(), "NO_COLOR", "1"));
    }

    private boolean works(String... command) throws InterruptedException {
        try {
            List<String> all = new ArrayList<>(List.of(command));
            Process process = new ProcessBuilder(all)
                    .directory(folder.toFile())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor() == 0;
        } catch (IOException _) {
            return false; // there is no such command
        }
    }
}
