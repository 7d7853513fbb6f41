"""Solutions of our own in languages for which the benchmark rows have none. Text only: nothing is run here.

mxeval's rows hold tests in twelve languages, and canonical solutions in Python alone. C, C++, Rust and bash have no rows: tasks by stdin and stdout.
"""

from typing import Any, Final

MXEVAL: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "go": (
        "HumanEval_go_v1.jsonl.gz",
        {
            "0": "\tfor i, a := range numbers {\n\t\tfor j, b := range numbers {\n\t\t\tif i != j && a-b < threshold && b-a < threshold {\n"
            "\t\t\t\treturn true\n\t\t\t}\n\t\t}\n\t}\n\treturn false\n}\n",
            "23": "\treturn len(string0)\n}\n",
            "53": "\treturn x + y\n}\n",
            "34": "\tsort.Ints(l)\n\tout := []int{}\n\tfor i, x := range l {\n\t\tif i == 0 || l[i-1] != x {\n\t\t\tout = append(out, x)\n\t\t}\n\t}\n\treturn out\n}\n",
        },
    ),
    "java": (
        "HumanEval_java_v1.1.jsonl.gz",
        {
            "0": "        for (int i = 0; i < numbers.size(); i++)\n            for (int j = 0; j < i; j++)\n"
            "                if (Math.abs(numbers.get(i) - numbers.get(j)) < threshold) return true;\n        return false;\n    }\n}\n",
            "23": "        return string.length();\n    }\n}\n",
            "53": "        return x + y;\n    }\n}\n",
            "34": "        return new ArrayList<>(new TreeSet<>(l));\n    }\n}\n",
        },
    ),
    "javascript": (
        "HumanEval_javascript_v1.1.jsonl.gz",
        {
            "0": "    return numbers.some((a, i) => numbers.some((b, j) => i !== j && Math.abs(a - b) < threshold));\n}\n",
            "23": "    return string.length;\n}\n",
            "53": "    return x + y;\n}\n",
            "34": "    return [...new Set(l)].sort((a, b) => a - b);\n}\n",
        },
    ),
    "typescript": (
        "HumanEval_typescript_v1.jsonl.gz",
        {
            "0": "    return numbers.some((a, i) => numbers.some((b, j) => i !== j && Math.abs(a - b) < threshold));\n}\n",
            "23": "    return string0.length;\n}\n",
            "53": "    return x + y;\n}\n",
            "34": "    return Array.from(new Set(l)).sort((a, b) => a - b);\n}\n",
        },
    ),
    "perl": (
        "HumanEval_perl_v1.1.jsonl.gz",
        {
            "0": "  my @s = sort { $a <=> $b } @$numbers;\n  for my $i (1 .. $#s) { return 1 if $s[$i] - $s[$i - 1] < $threshold; }\n  return 0;\n}\n",
            "23": "  return length($string);\n}\n",
            "53": "  return $x + $y;\n}\n",
            "34": "  my %seen;\n  return [sort { $a <=> $b } grep { !$seen{$_}++ } @$l];\n}\n",
        },
    ),
    "ruby": ("HumanEval_ruby_v1.1.jsonl.gz", {"53": "\n  x + y\nend\n"}),
    "php": ("HumanEval_php_v1.1.jsonl.gz", {"53": "    return $x + $y;\n}\n"}),
    "csharp": ("HumanEval_csharp_v1.jsonl.gz", {"53": "            return x + y;\n        }\n"}),
    "kotlin": ("HumanEval_kotlin_v1.1.jsonl.gz", {"53": "    return x + y\n}\n"}),
    "scala": ("HumanEval_scala_v1.1.jsonl.gz", {"53": "        x + y\n    }\n"}),
    "swift": ("HumanEval_swift_v1.1.jsonl.gz", {"53": "    return x + y\n}\n"}),
}
"""File of rows by language, and what continues a row's prompt by its number."""

_SUMS: Final = [
    {"stdin": "3\n1 2 3\n", "stdout": "6\n"},
    {"stdin": "1\n-5\n", "stdout": "-5\n"},
    {"stdin": "0\n\n", "stdout": "0\n"},
]

STDIN: Final[dict[str, str]] = {
    "c": '#include <stdio.h>\nint main(void) {\n    long n, x, sum = 0;\n    if (scanf("%ld", &n) != 1) return 1;\n    while (n-- && scanf("%ld", &x) == 1) sum += x;\n    printf("%ld\\n", sum);\n    return 0;\n}\n',
    "cpp": "#include <iostream>\nint main() {\n    long n, x, sum = 0;\n    std::cin >> n;\n    while (n-- && std::cin >> x) sum += x;\n    std::cout << sum << std::endl;\n}\n",
    "rust": "use std::io::Read;\nfn main() {\n    let mut text = String::new();\n    std::io::stdin().read_to_string(&mut text).unwrap();\n"
    '    let sum: i64 = text.split_whitespace().skip(1).map(|word| word.parse::<i64>().unwrap()).sum();\n    println!("{}", sum);\n}\n',
    "bash": 'read -r n\nread -r -a numbers\nsum=0\nfor x in "${numbers[@]}"; do sum=$((sum + x)); done\necho "$sum"\n',
    "go": 'package main\n\nimport "fmt"\n\nfunc main() {\n\tvar n, x, sum int\n\tfmt.Scan(&n)\n\tfor ; n > 0; n-- {\n\t\tfmt.Scan(&x)\n\t\tsum += x\n\t}\n\tfmt.Println(sum)\n}\n',
    "java": "import java.util.*;\n\npublic class Main {\n    public static void main(String[] args) {\n        Scanner in = new Scanner(System.in);\n        long n = in.nextLong(), sum = 0;\n"
    "        while (n-- > 0) sum += in.nextLong();\n        System.out.println(sum);\n    }\n}\n",
    "javascript": 'const words = require("fs").readFileSync(0, "utf8").split(/\\s+/).filter(Boolean).map(Number);\nconsole.log(words.slice(1).reduce((a, b) => a + b, 0));\n',
    "perl": "my $n = <STDIN>;\nmy $sum = 0;\n$sum += $_ for split ' ', <STDIN> // '';\nprint \"$sum\\n\";\n",
    "python": "input()\nprint(sum(map(int, input().split())))\n",
}
"""A program a language that adds numbers."""


def stdin_golds() -> dict[str, dict[str, Any]]:
    """Gives the gold of each program of `STDIN`, which is its solution."""
    return {
        language: {"language": language, "tests": _SUMS, "solution": program} for language, program in STDIN.items()
    }
