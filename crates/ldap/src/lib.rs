//! Importing people from LDAP and Active Directory: reading the directory, and the plan of what changes here.
