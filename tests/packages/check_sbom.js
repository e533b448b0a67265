// Checks a CycloneDX 1.5 document against its schema. Usage: node check_sbom.js FILE
"use strict";
const fs = require("fs");
const path = require("path");
const Ajv = require("ajv");
const addFormats = require("ajv-formats");

const schemas = path.join(__dirname, "node_modules/@cyclonedx/cyclonedx-library/res/schema");
const read = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
const ajv = new Ajv({ allErrors: true, strict: false });
addFormats(ajv);
// No formats of its own: a licence expression and an internationalised e-mail.
ajv.addFormat("iri-reference", true);
ajv.addFormat("idn-email", true);
// The main schema names these by their files.
for (const file of ["spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"]) {
  const schema = read(path.join(schemas, file));
  delete schema.$id;
  ajv.addSchema(schema, `http://cyclonedx.org/schema/${file}`);
}
const validate = ajv.compile(read(path.join(schemas, "bom-1.5.SNAPSHOT.schema.json")));
if (!validate(read(process.argv[2]))) {
  console.error(validate.errors.map((e) => `${e.instancePath} ${e.message}`).join("\n"));
  process.exit(1);
}
