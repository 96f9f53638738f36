/** The first rows of the document in the editor, as the table that a report makes of it. */

import { Button, useVariablesEditorState } from "@graphiql/react";
import { useState } from "react";
import { parsed, useServer } from "../server.js";
import { useAction } from "./action.js";
import { REPORT_ROWS } from "./documents.js";
import { Problems } from "./problems.jsx";

export function Preview({ document }) {
  const server = useServer();
  const [variables] = useVariablesEditorState();
  const { act, isBusy, problems } = useAction();
  const [table, setTable] = useState(null);

  /** Read some rows; `asked` holds what the rows before them were asked by. */
  async function read(asked, before) {
    const answer = await act(async () => {
      const { variables: text, ...rest } = asked;
      return (await server.ask(REPORT_ROWS, { ...rest, variables: parsed("Variables", text) })).reportRows;
    });
    setTable(answer && { ...answer, rows: [...before, ...answer.rows], asked });
  }

  const more = () => read({ ...table.asked, after: table.pageInfo.endCursor }, table.rows);

  return (
    <div className="kartotek-preview">
      <div className="kartotek-actions">
        <Button type="button" disabled={isBusy} onClick={() => read({ document, variables }, [])}>
          Run
        </Button>
        <small>with the values of the Variables tab</small>
      </div>
      <Problems problems={problems} />
      {table && <Table {...table} />}
      {table?.pageInfo.hasNextPage && (
        <Button type="button" disabled={isBusy} onClick={more}>
          More rows
        </Button>
      )}
    </div>
  );
}

function Table({ columns, rows }) {
  if (!rows.length) return <p>There are no rows.</p>;
  return (
    <div className="kartotek-table" role="region" aria-label="Rows" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map(({ path, label, type }) => (
              <th key={path} scope="col" title={`${path}: ${type}`}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((value, column) => (
                <td key={columns[column].path} data-kind={typeof value}>
                  {shown(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function shown(value) {
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
