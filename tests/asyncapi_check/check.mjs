// Checks AsyncAPI documents with AsyncAPI's own parser: node check.mjs FILE… Prints what is wrong; exit code 1 then.
import { readFileSync } from "node:fs";
import { DiagnosticSeverity, Parser } from "@asyncapi/parser";

let wrong = 0;
for (const file of process.argv.slice(2)) {
  const { diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
  for (const { severity, path, message } of diagnostics.filter((d) => d.severity <= DiagnosticSeverity.Warning)) {
    console.log(`${file}: ${path.join(".")}: ${message}`);
    wrong = 1;
  }
}
process.exit(wrong);
