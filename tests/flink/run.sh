#!/usr/bin/env bash
# Fetches the portable runners that this machine can have into .flink/, says what it cannot have and why, and runs the tests on them.
# Usage: tests/flink/run.sh PYTHON
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$1
folder=$PWD/.flink
mkdir -p "$folder"
beam=$("$python" -c 'import importlib.metadata; print(importlib.metadata.version("apache-beam"))')
flink=${FLINK_VERSION:-1.19}

fetch_flink() {
    local name=beam-runners-flink-$flink-job-server
    local jar=$folder/$name-$beam.jar
    if [ ! -s "$jar" ]; then
        command -v java >/dev/null || { echo "Flink is not tested: no java on this machine"; return; }
        command -v mvn >/dev/null || { echo "Flink is not tested: no mvn on this machine"; return; }
        timeout 300 mvn -q -B -U -Dstyle.color=never dependency:copy "-Dartifact=org.apache.beam:$name:$beam" "-DoutputDirectory=$folder" \
            >"$folder/mvn.log" 2>&1 || true
        [ -s "$jar" ] || {
            echo "Flink is not tested: Maven does not give org.apache.beam:$name:$beam:"
            grep -m 1 ERROR "$folder/mvn.log" | sed -E 's| in [a-z ]*\(?https?:[^ ]*||; s|.*: ||' | cut -c1-200 || true
            return
        }
    fi
    export TAMIS_FLINK_JOB_SERVER=$jar
}

fetch_prism() {
    local module=github.com/apache/beam/sdks/v2/go/cmd/prism@v$beam
    if [ ! -x "$folder/prism-$beam/prism" ]; then
        command -v go >/dev/null || { echo "Prism is not tested: no go on this machine"; return; }
        GOBIN=$folder/prism-$beam timeout 600 go install "$module" >"$folder/go.log" 2>&1 || {
            echo "Prism is not tested: go install $module failed:"
            tail -n 1 "$folder/go.log" | cut -c1-300
            return
        }
    fi
    export TAMIS_PRISM=$folder/prism-$beam/prism
}

fetch_flink
fetch_prism
exec "$python" -m pytest -rs -k "not python" tests/flink
