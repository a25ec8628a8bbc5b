// Renders /openapi.json. Text from the document is only ever set as text.
"use strict";

const page = document.getElementById("page");
const contents = document.getElementById("contents");

function el(name, text, props) {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  Object.assign(e, props || {});
  return e;
}

function nameOf(ref) { return ref.slice(ref.lastIndexOf("/") + 1); }

function typeOf(s) {
  if (!s) return [el("span", "anything")];
  if (s.$ref) return [el("a", nameOf(s.$ref), { href: "#type-" + nameOf(s.$ref) })];
  const types = [].concat(s.type || "anything").map(String);
  if (types[0] === "array") {
    return [el("span", "list of "), ...typeOf(s.items), el("span", types.includes("null") ? " or null" : "")];
  }
  return [el("span", types.join(" or ") + (s.format && s.format !== "double" && s.format !== "int64" ? " (" + s.format + ")" : ""))];
}

function rules(s) {
  const r = [];
  const target = s.type === "array" && s.items ? s.items : s;
  if (target.enum) r.push("one of " + target.enum.join(", "));
  if (s.minimum !== undefined || s.maximum !== undefined) {
    r.push([s.minimum !== undefined ? "from " + s.minimum : "", s.maximum !== undefined ? "to " + s.maximum : ""].join(" ").trim());
  }
  if (target.minLength) r.push("at least " + target.minLength + " long");
  if (target.maxLength) r.push("at most " + target.maxLength + " long");
  if (s.maxItems) r.push("at most " + s.maxItems + " entries");
  if (s.maxProperties) r.push("at most " + s.maxProperties + " entries");
  if (s.examples) r.push("example: " + JSON.stringify(s.examples[0]));
  return r.join("; ");
}

function table(rows) {
  const t = el("table");
  for (const [name, schema, text, required] of rows) {
    const tr = el("tr");
    const first = el("td");
    first.append(el("code", name), el("span", required ? " required" : "", { className: "rule" }));
    const type = el("td");
    type.append(...typeOf(schema));
    const what = el("td", text || "");
    what.append(el("span", rules(schema || {}), { className: "rule" }));
    tr.append(first, type, what);
    t.append(tr);
  }
  return t;
}

function fields(schema) {
  const required = new Set(schema.required || []);
  return table(Object.entries(schema.properties || {}).map(([n, s]) => [n, s, s.description, required.has(n)]));
}

function exampleOf(s, doc, depth) {
  if (!s || depth > 4) return {};
  if (s.$ref) return exampleOf(doc.components.schemas[nameOf(s.$ref)], doc, depth + 1);
  if (s.examples) return s.examples[0];
  if (s.type === "object" && s.properties) {
    return Object.fromEntries(Object.entries(s.properties).map(([n, p]) => [n, exampleOf(p, doc, depth + 1)]));
  }
  return [].concat(s.type)[0] === "array" ? [exampleOf(s.items, doc, depth + 1)] : {};
}

function operation(path, method, op, doc) {
  const s = el("section", undefined, { id: op.operationId });
  const h = el("h3");
  h.append(el("span", method.toUpperCase(), { className: "method" }), el("code", path));
  s.append(h, el("p", op.summary), el("p", op.description || ""));
  if (op.parameters && op.parameters.length) {
    s.append(el("h4", "Parameters"), table(op.parameters.map(p => [p.name, p.schema, (p.in + ". ") + (p.description || ""), p.required])));
  }
  if (op.requestBody) {
    const [type, body] = Object.entries(op.requestBody.content)[0];
    const line = el("h4", "Body: ");
    line.append(...typeOf(body.schema), el("span", " as " + type));
    s.append(line);
    if (type === "application/json") s.append(el("pre", JSON.stringify(exampleOf(body.schema, doc, 0), null, 2)));
  }
  for (const [status, r] of Object.entries(op.responses)) {
    const line = el("p", (status === "default" ? "Otherwise" : status) + ": " + (r.description || ""));
    for (const [type, c] of Object.entries(r.content || {})) line.append(" ", ...typeOf(c.schema), " as " + type);
    for (const [n, header] of Object.entries(r.headers || {})) line.append("; header " + n + ": " + (header.description || ""));
    s.append(line);
  }
  return s;
}

function render(doc) {
  page.replaceChildren(el("h1", doc.info.title + " " + doc.info.version), el("p", doc.info.description));
  for (const tag of doc.tags) {
    const found = [];
    for (const [path, item] of Object.entries(doc.paths)) {
      for (const method of ["get", "post", "put", "patch", "delete"]) {
        if (item[method] && (item[method].tags || []).includes(tag.name)) found.push([path, method, item[method]]);
      }
    }
    if (!found.length) continue;
    contents.append(el("h2", tag.name));
    page.append(el("h2", tag.name), el("p", tag.description));
    for (const [path, method, op] of found) {
      contents.append(el("a", op.summary, { href: "#" + op.operationId }));
      page.append(operation(path, method, op, doc));
    }
  }
  contents.append(el("h2", "types"));
  page.append(el("h2", "types"));
  for (const [name, schema] of Object.entries(doc.components.schemas)) {
    contents.append(el("a", name, { href: "#type-" + name }));
    const s = el("section", undefined, { id: "type-" + name });
    s.append(el("h3", name), el("p", schema.description || ""), fields(schema));
    page.append(s);
  }
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

fetch("/openapi.json").then(r => r.json()).then(render).catch(e => page.replaceChildren(el("p", "The document cannot be shown: " + e)));
