// Bundle the explorer into kartotek/explorer: a page, its files under names that change with what is in them, and the
// licences of all that went into it.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "kartotek", "explorer");
const unfinished = `${target}.unfinished`;

const WORKERS = {
  editor: "monaco-editor/esm/vs/editor/editor.worker.js",
  json: "monaco-editor/esm/vs/language/json/json.worker.js",
  graphql: "monaco-graphql/esm/graphql.worker.js",
};

const options = {
  absWorkingDir: here,
  alias: {
    // GraphiQL asks for the parsers by their old names, which lead to scripts without named exports.
    "prettier/parser-babel": "prettier/plugins/babel",
    "prettier/parser-graphql": "prettier/plugins/graphql",
  },
  bundle: true,
  define: { "process.env.NODE_ENV": '"production"' },
  entryNames: "[name]-[hash]",
  legalComments: "none", // they are in LICENSES.txt
  loader: { ".ttf": "file" },
  logLevel: "warning",
  metafile: true,
  minify: true,
  outdir: join(unfinished, "files"),
  target: "es2022",
};

/** The names of the files that were made, by the names of their entry points. */
function madeOf({ metafile }) {
  const made = Object.entries(metafile.outputs).filter(([, { entryPoint }]) => entryPoint);
  return Object.fromEntries(made.map(([file, output]) => [output.entryPoint, { ...output, file: basename(file) }]));
}

async function buildWorkers() {
  const entryPoints = Object.entries(WORKERS).map(([out, path]) => ({ in: path, out: `${out}.worker` }));
  const built = await build({ ...options, entryPoints, format: "iife" });
  const names = Object.fromEntries(
    Object.entries(madeOf(built)).map(([entry, { file }]) => [
      Object.keys(WORKERS).find((name) => entry.endsWith(WORKERS[name])),
      file,
    ]),
  );
  return [built, names];
}

function buildPage(workers) {
  return build({
    ...options,
    chunkNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    define: { ...options.define, WORKERS: JSON.stringify(workers) },
    entryPoints: ["src/main.jsx"],
    format: "esm",
    jsx: "automatic",
    splitting: true,
  });
}

/** The page; its addresses are relative, so that it also works below a path. */
function page({ file, cssBundle }) {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Kartotek</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="explorer/${basename(cssBundle)}">
    <script type="module" src="explorer/${file}"></script>
  </head>
  <body>
    <div id="explorer"></div>
  </body>
</html>
`;
}

/** What the licences of the bundled packages ask to be handed on. */
function licences(...builds) {
  const inputs = builds.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const packages = new Set(inputs.map((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]).filter(Boolean));
  return [...packages].sort().map(licenceOf).join("\n\n");
}

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
  const texts = readdirSync(join(here, folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  return [`${name} ${version} (${license})`, ...texts.map((file) => readFileSync(join(here, folder, file), "utf8"))].join(
    "\n\n",
  );
}

rmSync(unfinished, { recursive: true, force: true });
mkdirSync(unfinished);
const [workersBuilt, workers] = await buildWorkers();
const pageBuilt = await buildPage(workers);
writeFileSync(join(unfinished, "LICENSES.txt"), licences(workersBuilt, pageBuilt));
writeFileSync(join(unfinished, "index.html"), page(madeOf(pageBuilt)["src/main.jsx"]));
if (existsSync(target)) rmSync(target, { recursive: true });
renameSync(unfinished, target);
