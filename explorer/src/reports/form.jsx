/** One report: what it is called, and what can be done with it. */

import { Button, ChevronLeftIcon, TrashIcon, ToolbarButton, useOperationsEditorState } from "@graphiql/react";
import { useState } from "react";
import { useServer } from "../server.js";
import { useAction } from "./action.js";
import { DELETE_REPORT, SAVE_REPORT } from "./documents.js";
import { Download } from "./download.jsx";
import { draftOf, useDraft } from "./draft.jsx";
import { Preview } from "./preview.jsx";
import { Health, Problems } from "./problems.jsx";

export function ReportForm() {
  const [{ saved }, setDraft] = useDraft();
  const [document] = useOperationsEditorState();
  return (
    <>
      <header>
        <ToolbarButton label="All reports" onClick={() => setDraft(null)}>
          <ChevronLeftIcon />
        </ToolbarButton>
        <h2>{saved ? saved.title : "New report"}</h2>
        {saved?.mayDelete && <Delete report={saved} />}
      </header>
      {saved && <Health {...saved.health} />}
      <Fields document={document} />
      <Preview document={document} />
      {saved && <Download report={saved} isChanged={saved.document !== document} />}
    </>
  );
}

function Fields({ document }) {
  const [draft, setDraft] = useDraft();
  const server = useServer();
  const { act, isBusy, problems } = useAction();
  const [isSaved, setIsSaved] = useState(false);

  function change(values) {
    setIsSaved(false);
    setDraft({ ...draft, ...values });
  }

  async function save(event) {
    event.preventDefault();
    setIsSaved(false);
    const answer = await act(async () => (await server.ask(SAVE_REPORT, wanted(draft, document))).saveReport);
    if (!answer) return;
    setDraft({ ...draftOf({ ...answer.report, isMine: true, mayDelete: true }), key: draft.key });
    setIsSaved(true);
  }

  return (
    <form onSubmit={save}>
      <Field label="Name" hint="what it is run by, as in monthly-sales">
        <input required value={draft.name} onChange={({ target }) => change({ name: target.value })} />
      </Field>
      <Field label="Title">
        <input required value={draft.title} onChange={({ target }) => change({ title: target.value })} />
      </Field>
      <Field label="Description">
        <textarea rows={2} value={draft.description} onChange={({ target }) => change({ description: target.value })} />
      </Field>
      <Field label="Who finds it">
        <select value={draft.visibility} onChange={({ target }) => change({ visibility: target.value })}>
          <option value="PRIVATE">Only I and administrators</option>
          <option value="SHARED">Everybody in the organisation</option>
        </select>
      </Field>
      <div className="kartotek-actions">
        <Button type="submit" disabled={isBusy}>
          Save
        </Button>
        {isSaved && <span role="status">Saved.</span>}
      </div>
      <Problems problems={problems} />
    </form>
  );
}

function Field({ label, hint, children }) {
  return (
    <label>
      <span>
        {label} {hint && <small>({hint})</small>}
      </span>
      {children}
    </label>
  );
}

/** What to save: one's own report anew while its name stays, else one more. */
function wanted({ saved, name, title, description, visibility }, document) {
  const input = { name, title, description: description || null, visibility, document };
  return saved?.isMine && saved.name === name ? { input, id: saved.id, expectedVersion: saved.version } : { input };
}

function Delete({ report }) {
  const [, setDraft] = useDraft();
  const server = useServer();
  const { act, problems } = useAction();

  async function remove() {
    if (!confirm(`Delete the report ${report.name} for good?`)) return;
    const answer = await act(async () => (await server.ask(DELETE_REPORT, { id: report.id })).deleteReport);
    if (answer) setDraft(null);
  }

  return (
    <>
      <ToolbarButton label={`Delete ${report.name}`} onClick={remove}>
        <TrashIcon />
      </ToolbarButton>
      <Problems problems={problems} />
    </>
  );
}
