/** A saved report as a file. */

import { Button, useVariablesEditorState } from "@graphiql/react";
import { useState } from "react";
import { parsed, useServer } from "../server.js";
import { useAction } from "./action.js";
import { Problems } from "./problems.jsx";

const FORMATS = {
  csv: "CSV",
  "csv for Excel": "CSV for Excel",
  xlsx: "Excel workbook (xlsx)",
  ndjson: "NDJSON",
  json: "JSON",
  parquet: "Parquet",
};
const HEADINGS = {
  "": "The organisation’s headings",
  en: "English headings",
  fi: "Finnish headings",
  sv: "Swedish headings",
  nb: "Norwegian headings",
  da: "Danish headings",
};

export function Download({ report, isChanged }) {
  const server = useServer();
  const [variables] = useVariablesEditorState();
  const { act, isBusy, problems } = useAction();
  const [format, setFormat] = useState("csv");
  const [labels, setLabels] = useState("");

  const download = () =>
    act(async () => {
      const options = { ...(labels && { _labels: labels }), ...(format.endsWith("Excel") && { _excel: "1" }) };
      const values = texts(report, parsed("Variables", variables));
      await server.download(report.name, format.split(" ")[0], { ...values, ...options });
    });

  return (
    <div className="kartotek-download">
      <div className="kartotek-actions">
        <Choice label="Format" choices={FORMATS} value={format} onChange={setFormat} />
        <Choice label="Headings" choices={HEADINGS} value={labels} onChange={setLabels} />
        <Button type="button" disabled={isBusy} onClick={download}>
          {isBusy ? "Downloading…" : "Download"}
        </Button>
      </div>
      {isChanged && <small>The file is made by the document as it was saved, without what you changed since.</small>}
      <Problems problems={problems} />
    </div>
  );
}

function Choice({ label, choices, value, onChange }) {
  return (
    <select aria-label={label} value={value} onChange={({ target }) => onChange(target.value)}>
      {Object.entries(choices).map(([choice, text]) => (
        <option key={choice} value={choice}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** The values of the report's own variables as an address has them; null is what is left out. */
function texts(report, values) {
  const given = report.variables.map(({ name }) => [name, values[name] ?? null]);
  return Object.fromEntries(given.filter(([, value]) => value !== null).map(([name, value]) => [name, asText(value)]));
}

function asText(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
