// Reads flags with the OFREP provider of JavaScript, as a server does.
//
// Input and output are those of `read.py`.

import { createInterface } from "node:readline";

import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";

const [url, key] = process.argv.slice(2);
await OpenFeature.setProviderAndWait(
  new OFREPProvider({ baseUrl: url, headers: [["Authorization", `Bearer ${key}`]] }),
);
const client = OpenFeature.getClient();
const reads = {
  boolean: client.getBooleanDetails,
  string: client.getStringDetails,
  integer: client.getNumberDetails,
  float: client.getNumberDetails,
  object: client.getObjectDetails,
};
for await (const line of createInterface({ input: process.stdin })) {
  const [kind, flag, fallback, context] = JSON.parse(line);
  const { value, reason, variant, errorCode } = await reads[kind].call(
    client,
    flag,
    fallback,
    context,
  );
  console.log(
    JSON.stringify({
      value,
      reason: reason ?? null,
      variant: variant ?? null,
      error: errorCode ?? null,
    }),
  );
}
