"""The table of programming languages: what they are called, what they need, how a program is compiled and run. Data only.

In a command, `@name` is a tool of the language, `{memory}` the budget in MiB, `{main}` the class that is started. A program is compiled in
/source (read-only) into /built, `{extra}` being a file beside it that its calls need, and started with /built read-only; /support holds `rewards/code/support`, /warm what `toolchains` prepared.
"""

import dataclasses
from collections.abc import Mapping
from typing import Final

_MIB: Final = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        name: as in `rewards.code.jobs.Job.language`.
        fences: what Markdown calls a block of it, in lower case, beside its name.
        extensions: of its files, with the dot.
        tools: the programs it needs, each with the alternatives that will do.
        file: the name of the source file.
        compile: the compiler's command; none for a language that is run as it is written.
        run: the program's command.
        run_assertions: the command for an `AssertTest`, where it differs.
        run_calls: the command for a `CallTest`; none for a language that takes no calls. It writes its answer to descriptor 3.
        json_requests: its starter for assertions reads the token out of a line of JSON, not alone on a line.
        environment: added to the sandbox's own.
        overhead_bytes: memory of the runtime itself, granted on top of a budget.
        overhead_processes: threads of the runtime itself, granted on top of a budget.
        out_of_memory: what the runtime writes to stderr when it gives up for want of memory.
        no_program: what an interpreter writes to stderr about text that is not a program.
        needs_proc: its tools find their own files through /proc.
        takes_assertions: `AssertTest` is supported (see `rewards.code.harness`).
    """

    name: str
    fences: tuple[str, ...]
    extensions: tuple[str, ...]
    tools: tuple[tuple[str, ...], ...]
    file: str
    run: tuple[str, ...]
    compile: tuple[str, ...] = ()
    run_assertions: tuple[str, ...] = ()
    run_calls: tuple[str, ...] = ()
    json_requests: bool = False
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    overhead_bytes: int = 8 * _MIB
    overhead_processes: int = 0
    out_of_memory: bytes = b"(?!)"
    no_program: bytes = b"(?!)"
    needs_proc: bool = False
    takes_assertions: bool = True


_NATIVE_MEMORY: Final = rb"std::bad_alloc|memory allocation of \d+ bytes failed"
_JVM: Final[Mapping[str, object]] = {
    "overhead_bytes": 192 * _MIB,
    "overhead_processes": 48,
    "out_of_memory": rb"java\.lang\.OutOfMemoryError",
    "needs_proc": True,
}
_JAVA_RUN: Final = ("@java", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto", "-Xss64m", "-Xmx{memory}m")
_NODE_RUN: Final = ("@node", "--max-old-space-size={memory}", "--stack-size=3900")
_NODE: Final[Mapping[str, object]] = {
    "environment": {"NODE_PATH": "/usr/lib/node_modules:/usr/share/nodejs:/support/node"},
    "overhead_bytes": 96 * _MIB,
    "overhead_processes": 24,
    "out_of_memory": rb"JavaScript heap out of memory|Array buffer allocation failed",
    "no_program": rb"SyntaxError: [^\n]*\n    at (?:wrapSafe|new Script|compileFunction|compileSourceTextModule|internalCompileFunction)",
    "run_assertions": (*_NODE_RUN, "/support/run.js", "/built/program.js"),
    "run_calls": (*_NODE_RUN, "/support/run.js", "/built/program.js"),
    "json_requests": True,
}

_TABLE: Final = (
    Language(
        "python",
        ("py", "python3", "python2"),
        (".py",),
        (("python3",),),
        "program.py",
        ("@python3", "/built/program.py"),
    ),
    Language(
        "c",
        ("c99", "c11"),
        (".c", ".h"),
        (("gcc", "clang", "cc"),),
        "program.c",
        ("/built/program",),
        compile=(
            "@gcc",
            "-O2",
            "-std=gnu17",
            "-w",
            "-pipe",
            "-o",
            "/built/program",
            "/source/program.c",
            "{link}",
            "-lm",
            "-pthread",
        ),
        out_of_memory=_NATIVE_MEMORY,
    ),
    Language(
        "cpp",
        ("c++", "cc", "cxx", "g++", "c++17", "c++20"),
        (".cpp", ".cc", ".cxx", ".hpp"),
        (("g++", "clang++", "c++"),),
        "program.cpp",
        ("/built/program",),
        compile=(
            *(
                "@g++",
                "-O2",
                "-std=gnu++20",
                "-w",
                "-pipe",
                "-I",
                "/warm",
                "-o",
                "/built/program",
                "/source/program.cpp",
            ),
            *("{link}", "-pthread"),
        ),
        run_calls=("/built/program",),
        out_of_memory=_NATIVE_MEMORY,
    ),
    Language(
        "rust",
        ("rs",),
        (".rs",),
        (("rustc",), ("cc", "gcc", "clang")),
        "program.rs",
        ("/built/program",),
        compile=(
            *(
                "@rustc",
                "--edition",
                "2021",
                "-C",
                "opt-level=2",
                "-C",
                "codegen-units=1",
                "-C",
                "debuginfo=0",
                "--cap-lints",
                "allow",
            ),
            *("--crate-name", "program", "-C", "linker=@cc", "-o", "/built/program", "/source/program.rs"),
        ),
        run_calls=("/built/program",),
        out_of_memory=_NATIVE_MEMORY,
        needs_proc=True,
    ),
    Language(
        "go",
        ("golang",),
        (".go",),
        (("go",),),
        "program.go",
        ("/built/program",),
        compile=("@go", "build", "-ldflags=-s -w", "-o", "/built/program", "/source/program.go", "{extra}"),
        run_calls=("/built/program",),
        environment={
            "GOCACHE": "/warm",
            "GOPATH": "/tmp/go",  # noqa: S108 - the sandbox's own
            "GO111MODULE": "off",
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOTELEMETRY": "off",
            "GOFLAGS": "-p=2",
        },
        overhead_bytes=16 * _MIB,
        overhead_processes=24,
        out_of_memory=rb"fatal error: runtime: (?:out of memory|cannot allocate memory)",
        needs_proc=True,
    ),
    Language(
        "java",
        (),
        (".java",),
        (("javac",), ("java",)),
        "{public}.java",
        (*_JAVA_RUN, "-cp", "/built", "{main}"),
        compile=(
            *(
                "@javac",
                "-J-XX:+UseSerialGC",
                "-J-XX:TieredStopAtLevel=1",
                "-J-XX:-UsePerfData",
                "-J-XX:SharedArchiveFile=/warm/javac.jsa",
            ),
            *("-J-Xshare:auto", "-proc:none", "-nowarn", "-encoding", "UTF-8", "-d", "/built"),
            *("/source/{public}.java", "{extra}"),
        ),
        run_calls=(*_JAVA_RUN, "--add-opens=java.base/java.io=ALL-UNNAMED", "-cp", "/built", "{main}"),
        **_JVM,  # type: ignore[arg-type] # each by its name
    ),
    Language(
        "javascript",
        ("js", "node", "nodejs", "mjs", "jsx"),
        (".js", ".mjs", ".cjs"),
        (("node", "nodejs"),),
        "program.js",
        (*_NODE_RUN, "/built/program.js"),
        **_NODE,  # type: ignore[arg-type]
    ),
    Language(
        "typescript",
        ("ts", "tsx"),
        (".ts", ".mts"),
        (("node", "nodejs"), ("tsc",)),
        "program.ts",
        (*_NODE_RUN, "/built/program.js"),
        compile=("@node", "/support/transpile.js", "@tsc", "/source/program.ts", "/built/program.js"),
        **_NODE,  # type: ignore[arg-type]
    ),
    Language(
        "bash",
        ("sh", "shell", "shellscript"),
        (".sh", ".bash"),
        (("bash",),),
        "program.sh",
        ("@bash", "/built/program.sh"),
        run_calls=("@bash", "/built/{main}", "/built/program.sh"),
        no_program=rb"program\.sh: line \d+: (?:syntax error|unexpected EOF)",
    ),
    Language(
        "perl",
        ("pl",),
        (".pl", ".pm"),
        (("perl",),),
        "program.pl",
        ("@perl", "/built/program.pl"),
        run_assertions=("@perl", "/support/run.pl", "/built/program.pl", "/built/tests.pl"),
        run_calls=("@perl", "/support/calls/call.pl", "/built/program.pl"),
        out_of_memory=rb"(?m)^Out of memory",
        no_program=rb"syntax error at |Missing right curly|Can't find string terminator|aborted due to compilation errors",
    ),
    Language(
        "ruby",
        ("rb",),
        (".rb",),
        (("ruby",),),
        "program.rb",
        ("@ruby", "/built/program.rb"),
        overhead_bytes=32 * _MIB,
        overhead_processes=8,
        out_of_memory=rb"NoMemoryError",
        no_program=rb"syntax error|\(SyntaxError\)",
    ),
    Language(
        "php",
        ("php7", "php8"),
        (".php",),
        (("php",),),
        "program.php",
        ("@php", "-d", "memory_limit={memory}M", "-d", "display_errors=stderr", "/built/program.php"),
        overhead_bytes=32 * _MIB,
        out_of_memory=rb"Allowed memory size of \d+ bytes exhausted",
        no_program=rb"PHP Parse error",
    ),
    Language(
        "csharp",
        ("cs", "c#"),
        (".cs",),
        (("mcs",), ("mono",)),
        "program.cs",
        ("@mono", "/built/program.exe"),
        compile=("@mcs", "-optimize", "-nowarn:0-9999", "-out:/built/program.exe", "/source/program.cs"),
        overhead_bytes=64 * _MIB,
        overhead_processes=16,
        out_of_memory=rb"System\.OutOfMemoryException",
        takes_assertions=False,
        needs_proc=True,
    ),
    Language(
        "kotlin",
        ("kt", "kts"),
        (".kt",),
        (("kotlinc",), ("java",)),
        "program.kt",
        (*_JAVA_RUN, "-jar", "/built/program.jar"),
        compile=("@kotlinc", "/source/program.kt", "-nowarn", "-include-runtime", "-d", "/built/program.jar"),
        takes_assertions=False,
        **_JVM,  # type: ignore[arg-type]
    ),
    Language(
        "scala",
        (),
        (".scala",),
        (("scalac",), ("scala",)),
        "program.scala",
        ("@scala", "-J-Xmx{memory}m", "-cp", "/built", "{main}"),
        compile=("@scalac", "-nowarn", "-d", "/built", "/source/program.scala"),
        takes_assertions=False,
        **_JVM,  # type: ignore[arg-type]
    ),
    Language(
        "swift",
        (),
        (".swift",),
        (("swiftc",),),
        "program.swift",
        ("/built/program",),
        compile=("@swiftc", "-O", "-suppress-warnings", "-o", "/built/program", "/source/program.swift"),
        takes_assertions=False,
        needs_proc=True,
    ),
)

LANGUAGES: Final[Mapping[str, Language]] = {language.name: language for language in _TABLE}
"""Every language that is known, by name. Whether its tools are here is for `rewards.code.toolchains` to say."""

_BY_FENCE: Final[Mapping[str, Language]] = {
    **{name: language for language in reversed(_TABLE) for name in language.fences},
    **LANGUAGES,
}


def find_language(name: str) -> Language | None:
    """Gives the language that is called so, by its name or the name on a fence, whatever the case; None if none is."""
    return _BY_FENCE.get(name.strip().lower())
