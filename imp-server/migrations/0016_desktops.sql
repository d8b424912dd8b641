-- At which workstation the browser stands that was asked, where its agent said so: a sign-on that answers is that desktop's.
ALTER TABLE interactions ADD COLUMN workstation_id UUID;
