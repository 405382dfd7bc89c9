// Makes classes from an AsyncAPI document with Modelina: node generate.mjs DOCUMENT FOLDER. Prints how many in each language.
import { mkdirSync, readFileSync } from "node:fs";
import * as modelina from "@asyncapi/modelina";
import yaml from "js-yaml";

const [, , document, folder] = process.argv;
const languages = {
  typescript: [new modelina.TypeScriptFileGenerator({ modelType: "interface", enumType: "union" }), {}],
  java: [new modelina.JavaFileGenerator({ collectionType: "List" }), { packageName: "daredevil.events" }],
  csharp: [new modelina.CSharpFileGenerator(), { namespace: "Daredevil" }],
  go: [new modelina.GoFileGenerator(), { packageName: "events" }],
  python: [new modelina.PythonFileGenerator({ presets: [modelina.PYTHON_PYDANTIC_PRESET] }), { packageName: "python" }],
};
// The parser takes seconds, so it runs once for all languages.
const { originalInput: parsed } = await languages.java[0].process(yaml.load(readFileSync(document, "utf8")));
const made = {};
for (const [language, [generator, options]] of Object.entries(languages)) {
  const target = `${folder}/${language}`;
  mkdirSync(target, { recursive: true });
  const models = await generator.generateToFiles(parsed, target, options);
  made[language] = models.map((model) => model.modelName);
}
console.log(JSON.stringify(made));
