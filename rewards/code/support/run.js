// Runs a program and its tests in Node, and says at the very end that it came there. Usage: node run.js PROGRAM, with one line of JSON
// on stdin: {"token": string, "call": {"function": string, "args": [...], "kwargs": {...}} or null}.
// The last line of stdout is then the token; the result of a call goes to descriptor 3, behind the token, as JSON. See rewards/code/harness.py for what this
// can guard: the program runs in this process, so the token only keeps early ends and printed lines from passing.
"use strict";
(() => {
  const fs = require("fs");
  const path = require("path");
  const vm = require("vm");
  const { createRequire } = require("module");
  const request = JSON.parse(fs.readFileSync(0, "utf8"));
  const file = path.resolve(process.argv[2]);
  const fresh = `r${request.token}`; // what the tests require with, under a name that the program cannot know
  const source = fs.readFileSync(file, "utf8").replace(/^#!.*/, "").replaceAll("__TAMIS_REQUIRE__", fresh);
  const { writeSync } = fs;
  const { stringify } = JSON;
  const leave = process.reallyExit.bind(process);
  // What tests compare with stays what it was.
  const assert = require("assert");
  for (const holder of [assert, assert.strict, require("util"), require("lodash"), Object.prototype.constructor, JSON, Array, Number, Math]) {
    Object.freeze(holder);
  }

  const toProgram = (value) => {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(toProgram);
    if ("$int" in value) return BigInt(value.$int);
    if ("$float" in value) return Number(value.$float);
    if ("$set" in value) return new Set(value.$set.map(toProgram));
    if ("$map" in value) return new Map(value.$map.map(([key, item]) => [toProgram(key), toProgram(item)]));
    return Object.fromEntries(value.$dict.map(([key, item]) => [key, toProgram(item)]));
  };
  const toResult = (value, above) => {
    if (value === undefined || value === null) return null;
    if (typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "bigint") return { $int: value.toString() };
    if (typeof value === "number") {
      return Number.isSafeInteger(value) ? (Object.is(value, -0) ? { $float: "-0" } : value) : { $float: String(value) };
    }
    if (typeof value !== "object") return { $other: typeof value };
    if (above.includes(value) || above.length > 200) return { $other: "cycle" };
    const within = [...above, value];
    if (Array.isArray(value)) return Array.from(value, (item) => toResult(item, within));
    if (value instanceof Set) return { $set: [...value].map((item) => toResult(item, within)) };
    if (value instanceof Map) return { $map: [...value].map(([key, item]) => [toResult(key, within), toResult(item, within)]) };
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value, (item) => toResult(item, within));
    if (value instanceof String || value instanceof Number || value instanceof Boolean) return toResult(value.valueOf(), within);
    return { $dict: Object.keys(value).map((key) => [key, toResult(value[key], within)]) };
  };

  const root = request.call ? request.call.function.split(".")[0] : "undefined";
  const wrapped = `(async function (${fresh}, require, module, exports, __filename, __dirname) {${source}\n;return typeof ${root} === "undefined" ? module.exports.${root} : ${root};})`;
  const holder = { exports: {} };
  const main = new vm.Script(wrapped, { filename: file }).runInThisContext();
  const run = async () => {
    let found = await main(createRequire(file), createRequire(file), holder, holder.exports, file, path.dirname(file));
    let text = "";
    if (request.call) {
      let self;
      const [, method] = request.call.function.split(".");
      if (method !== undefined) {
        self = new found();
        found = self[method];
      }
      if (typeof found !== "function") throw new TypeError(`${request.call.function} is not a function`);
      const args = request.call.args.map(toProgram);
      const named = Object.entries(request.call.kwargs);
      if (named.length) args.push(Object.fromEntries(named.map(([key, item]) => [key, toProgram(item)])));
      text = stringify(toResult(await found.apply(self, args), []));
    }
    return text;
  };
  const finish = (text) => {
    let line = Buffer.from(request.call ? `${request.token}${text}\n` : `\n${request.token}\n`);
    while (line.length) {
      try {
        line = line.subarray(writeSync(request.call ? 3 : 1, line));
      } catch (failure) {
        if (failure.code !== "EAGAIN") leave(1);
      }
    }
    leave(0);
  };
  run().then(
    // What is still under way, such as a promise that nobody awaits, may yet fail.
    (text) => process.once("beforeExit", () => finish(text)),
    (failure) => {
      process.stderr.write(`${(failure && failure.stack) || failure}\n`, () => leave(1));
    },
  );
})();
