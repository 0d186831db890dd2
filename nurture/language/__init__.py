"""The language of a workspace: from YAML to frozen definitions, and conditions to predicates.

    editors   what editors are told of it: schema, hover texts
    applied   what is in force: versions in the ledger, loaded for a tick; what an edit changes
    checks    every problem of all files at once
    reading   a folder's files as models
    sql       conditions as predicates
    compiled  sequences as flat programs, and everything a tick needs to know
    files     what each file may say
    grammar   scalars, lengths of time, conditions
    text      YAML with the places of everything in it

Each may import those below it.
"""
