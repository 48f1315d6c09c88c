package dev.flowrpc.client;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import com.google.gson.annotations.SerializedName;
import com.sun.security.auth.module.UnixSystem;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** What a running app writes into its data directory, and into the run directory of its user. */
final class RunningApp {
    private static final Set<PosixFilePermission> OF_OTHERS = EnumSet.complementOf(EnumSet.of(
            PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE));

    private String name = "";
    private String address = "";

    @SerializedName("data_dir")
    private String dataDir = "";

    @SerializedName("token_file")
    private String tokenFile = "";

    private long pid;

    private RunningApp() {} // Gson fills it in

    String address() {
        return address;
    }

    Path dataDir() {
        return Path.of(dataDir);
    }

    Optional<Path> tokenFile() {
        return tokenFile == null || tokenFile.isEmpty() ? Optional.empty() : Optional.of(Path.of(tokenFile));
    }

    /** Finds the one running app that fits; null fits any. */
    static RunningApp find(Path dataDir, String name) {
        if (dataDir != null) {
            return of(dataDir).orElseThrow(() -> new AppNotFoundException("no app runs on data directory " + dataDir));
        }
        List<RunningApp> fitting = new ArrayList<>();
        for (RunningApp each : all(runDirectory())) {
            if (name == null || name.equals(each.name)) {
                fitting.add(each);
            }
        }
        if (fitting.isEmpty()) {
            throw new AppNotFoundException(
                    "no running app was found: start one with `flowctl run APP.py`, or give an address and a token file");
        } else if (fitting.size() > 1) {
            String names = fitting.stream().map(each -> each.name).collect(Collectors.joining(", "));
            throw new AppNotFoundException("several running apps fit: " + names + "; name one by app or dataDir");
        }
        return fitting.get(0);
    }

    /** Reads the app that runs on a data directory. */
    static Optional<RunningApp> of(Path dataDir) {
        return read(dataDir.resolve("app.json"));
    }

    /** Reads a file that belongs to this user and that nobody else may read. */
    static String readPrivate(Path file) throws IOException {
        Set<PosixFilePermission> granted = Files.getPosixFilePermissions(file);
        if (granted.stream().anyMatch(OF_OTHERS::contains)) {
            throw new IOException("%s is open to other users; run `chmod 600 %s`".formatted(file, file));
        }
        if (((Number) Files.getAttribute(file, "unix:uid")).longValue() != user()) {
            throw new IOException(file + " belongs to another user");
        }
        return Files.readString(file);
    }

    private static List<RunningApp> all(Path directory) {
        List<RunningApp> found = new ArrayList<>();
        if (!Files.isDirectory(directory)) {
            return found;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.json")) {
            files.forEach(file -> read(file).ifPresent(found::add));
        } catch (IOException unreadable) {
            throw new AppNotFoundException("the run directory %s cannot be read".formatted(directory), unreadable);
        }
        return found;
    }

    private static Optional<RunningApp> read(Path file) {
        try {
            RunningApp read = new Gson().fromJson(readPrivate(file), RunningApp.class);
            return Optional.ofNullable(read).filter(RunningApp::runs);
        } catch (IOException | JsonParseException unusable) { // of another user, or no entry: nothing that we may call
            return Optional.empty();
        }
    }

    private boolean runs() {
        return pid > 0 && ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
    }

    private static Path runDirectory() {
        String chosen = System.getenv("FLOWRPC_RUN_DIR");
        if (chosen != null && !chosen.isEmpty()) {
            return Path.of(chosen);
        }
        String runtime = System.getenv("XDG_RUNTIME_DIR");
        if (runtime != null && !runtime.isEmpty()) {
            return Path.of(runtime, "flowrpc");
        }
        String temporary = System.getenv("TMPDIR");
        return Path.of(temporary == null || temporary.isEmpty() ? "/tmp" : temporary, "flowrpc-" + user());
    }

    private static long user() {
        return new UnixSystem().getUid();
    }
}
