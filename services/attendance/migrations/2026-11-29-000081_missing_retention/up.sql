-- That something was told once is remembered for as long as it could be found again, and then forgotten.
CREATE INDEX missing_punches_age ON missing_punches (work_date);
CREATE POLICY forgetting ON missing_punches FOR SELECT
    USING (current_setting('app.job', true) = 'forget_missing_punches');
CREATE POLICY forgetting_old ON missing_punches FOR DELETE
    USING (current_setting('app.job', true) = 'forget_missing_punches');
GRANT DELETE ON missing_punches TO rollcall_attendance;
