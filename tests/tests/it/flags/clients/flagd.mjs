// Reads the document of a set as flagd's core does, held to its schema, and prints
// what a flag of each type is.
import { FlagdCore, MemoryStorage } from "@openfeature/flagd-core";

const [url, key] = process.argv.slice(2);
const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
const document = await answer.text();
const quiet = { error() {}, warn() {}, info() {}, debug() {} };
const storage = new MemoryStorage(quiet);
storage.setConfigurations(document, true);
const core = new FlagdCore(storage, quiet);
const context = { targetingKey: "user-1", country: "CA" };
const kinds = { boolean: "Boolean", number: "Number", string: "String", object: "Object" };
const read = {};
for (const [flag, { variants }] of Object.entries(JSON.parse(document).flags)) {
  const some = Object.values(variants)[0];
  const resolved = core[`resolve${kinds[typeof some]}Evaluation`](flag, some, context, quiet);
  read[flag] = { value: resolved.value, variant: resolved.variant };
}
console.log(JSON.stringify(read));
