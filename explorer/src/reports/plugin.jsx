/** The Reports panel: all of them, or the one that is open. */

import "./reports.css";
import { useDraft } from "./draft.jsx";
import { ReportForm } from "./form.jsx";
import { ReportList } from "./list.jsx";

function ReportsPanel() {
  const [draft] = useDraft();
  return (
    <section aria-label="Reports" className="kartotek-reports">
      {draft ? <ReportForm key={draft.key} /> : <ReportList />}
    </section>
  );
}

function ReportsIcon() {
  return (
    <svg viewBox="0 0 24 24" height="24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <rect x="3" y="4" width="18" height="16" rx="2" />
      <path d="M3 9.5h18M3 14.75h18M9.5 9.5V20" />
    </svg>
  );
}

export const REPORTS_PLUGIN = { title: "Reports", icon: ReportsIcon, content: ReportsPanel };
