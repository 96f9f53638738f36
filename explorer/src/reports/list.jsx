/** The reports that one may see. */

import { Button, ReloadIcon, Spinner, ToolbarButton, useOperationsEditorState } from "@graphiql/react";
import { useCallback, useEffect, useState } from "react";
import { useServer } from "../server.js";
import { REPORTS } from "./documents.js";
import { draftOf, newDraft, useDraft } from "./draft.jsx";
import { Health, Problems } from "./problems.jsx";

const PAUSE = 300; // milliseconds, while somebody types a token

export function ReportList() {
  const [, setDraft] = useDraft();
  const [, setDocument] = useOperationsEditorState();
  const { reports, problems, reload } = useReports();

  function open(report) {
    setDocument(report.document);
    setDraft(draftOf(report));
  }

  return (
    <>
      <header>
        <h2>Reports</h2>
        <ToolbarButton label="Read the reports again" onClick={reload}>
          <ReloadIcon />
        </ToolbarButton>
      </header>
      <Button type="button" onClick={() => setDraft(newDraft())}>
        Save the current document…
      </Button>
      <Problems problems={problems} />
      {!reports && !problems.length && <Spinner />}
      {reports?.length === 0 && <p>There are none yet.</p>}
      <ul className="kartotek-list">
        {reports?.map((report) => (
          <Item key={report.id} report={report} onOpen={() => open(report)} />
        ))}
      </ul>
    </>
  );
}

function Item({ report, onOpen }) {
  const { name, title, owner, visibility, health } = report;
  return (
    <li>
      <button type="button" className="graphiql-un-styled" aria-label={`Open ${name}`} onClick={onOpen}>
        <span className="kartotek-title">{title}</span>
        <code>{name}</code>
        <small>
          {report.isMine ? "yours" : owner.name}
          {visibility === "SHARED" && ", shared"}
        </small>
      </button>
      <Health {...health} />
    </li>
  );
}

/** The reports, or why there are none; read anew when somebody else asks. */
function useReports() {
  const server = useServer();
  const [state, setState] = useState({ reports: null, problems: [] });
  const load = useCallback(
    async () => listed(server).catch(({ message }) => ({ reports: null, problems: [{ message }] })),
    [server],
  );

  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(async () => {
      const loaded = await load();
      if (isCurrent) setState(loaded);
    }, PAUSE);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [load]);

  return { ...state, reload: async () => setState(await load()) };
}

async function listed(server) {
  const reports = [];
  let after = null;
  do {
    const { viewer, reports: page } = await server.ask(REPORTS, { after });
    reports.push(...page.nodes.map((report) => withRights(report, viewer)));
    after = page.pageInfo.hasNextPage && page.pageInfo.endCursor;
  } while (after);
  return { reports, problems: [] };
}

function withRights(report, { user, permissions }) {
  const isMine = report.owner.id === user.id;
  return { ...report, isMine, mayDelete: isMine || permissions.administer };
}
