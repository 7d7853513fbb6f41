// The one function of lodash that mxeval's JavaScript tests use, for machines without lodash; an installed one comes first.
"use strict";
const { isDeepStrictEqual } = require("util");

const plain = (value) => {
  if (Object.is(value, -0)) return 0; // lodash takes -0 for 0
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value;
};
exports.isEqual = (left, right) => isDeepStrictEqual(plain(left), plain(right));
