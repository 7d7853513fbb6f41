// Makes JavaScript of one TypeScript file: node transpile.js TSC SOURCE TARGET. Syntax errors end it; types are not checked, as in every
// runtime that strips them.
"use strict";
const fs = require("fs");
const path = require("path");
const [compiler, source, target] = process.argv.slice(2);
const ts = require(path.join(path.dirname(fs.realpathSync(compiler)), "..", "lib", "typescript.js"));
const done = ts.transpileModule(fs.readFileSync(source, "utf8"), {
  reportDiagnostics: true,
  compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true },
});
for (const { messageText, file, start } of done.diagnostics) {
  const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
  process.stderr.write(`program.ts:${line}: error: ${ts.flattenDiagnosticMessageText(messageText, " ")}\n`);
}
fs.writeFileSync(target, done.outputText);
process.exit(done.diagnostics.length ? 1 : 0);
