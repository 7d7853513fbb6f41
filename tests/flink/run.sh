#!/usr/bin/env bash
# Fetches the portable runners that this machine can have into .flink/, says what it cannot have and why, and runs the tests on them.
# Usage: tests/flink/run.sh PYTHON [fetch]
# With `fetch` it only fetches. FETCH_SECONDS is how long each fetch may take.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$1
only=${2:-}
seconds=${FETCH_SECONDS:-400}
folder=$PWD/.flink
mkdir -p "$folder"
beam=$("$python" -c 'import importlib.metadata; print(importlib.metadata.version("apache-beam"))')
# Not the newest: all parts of these versions are to be had from Maven, and an older Java job server runs newer Python pipelines.
flink=${FLINK_VERSION:-1.19}
flink_beam=${FLINK_BEAM_VERSION:-2.62.0}

fetch_flink() {
    local jars=$folder/flink-$flink-beam-$flink_beam
    if [ ! -e "$jars/complete" ]; then
        command -v java >/dev/null || { echo "Flink is not tested: no java on this machine"; return; }
        command -v mvn >/dev/null || { echo "Flink is not tested: no mvn on this machine"; return; }
        timeout "$seconds" mvn -q -B -Dstyle.color=never -f tests/flink/pom.xml "-Dflink=$flink" "-Dbeam=$flink_beam" \
            dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$jars" >"$folder/mvn.log" 2>&1 || {
            echo "Flink is not tested: Maven does not give all parts of Beam $flink_beam's job server for Flink $flink:"
            grep -m 1 ERROR "$folder/mvn.log" | sed -E 's| in [a-z ]*\(?https?:[^ ]*||; s|.*: ||' | cut -c1-200 || true
            return
        }
        touch "$jars/complete"
    fi
    export TAMIS_FLINK_JOB_SERVER=$jars
}

fetch_prism() {
    local module=github.com/apache/beam/sdks/v2/go/cmd/prism@v$beam
    if [ ! -x "$folder/prism-$beam/prism" ]; then
        command -v go >/dev/null || { echo "Prism is not tested: no go on this machine"; return; }
        GOBIN=$folder/prism-$beam timeout "$seconds" go install "$module" >"$folder/go.log" 2>&1 || {
            echo "Prism is not tested: go install $module failed:"
            tail -n 1 "$folder/go.log" | cut -c1-300
            return
        }
    fi
    export TAMIS_PRISM=$folder/prism-$beam/prism
}

fetch_flink
fetch_prism
[ "$only" = fetch ] && exit
exec "$python" -m pytest -rs -k "not python" tests/flink
