"""TNEF: MAPI items as Outlook sends them in winmail.dat attachments (MS-OXTNEF)."""
