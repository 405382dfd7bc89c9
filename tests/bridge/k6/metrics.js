import { seen } from "./k6.js";

export class Trend {
  constructor(name) {
    this.values = seen.trends[name] = [];
  }

  add(value) {
    this.values.push(value);
  }
}
